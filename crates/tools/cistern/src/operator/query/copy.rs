//! A copy of the local stack's lake on disk, brought up to date before each query.
//!
//! A file of the lake changes under its name only when a person is erased from it, so a file that is here is read again only if it is newer
//! or of another size there, and one that is missing there is removed. Compaction continues meanwhile. So that each event is in the copy once, only the latest manifest is copied, and
//! only files that it does not hide: those are not removed before every reader has finished that began before they were hidden
//! (`crates/functions/archiver/src/compaction/plan.rs`). If a file is missing nevertheless, the copy took longer than any query may, and starts
//! again.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use aws_io::{
    S3Client,
    s3::{
        self, GetError, ObjectRef,
        listing::{self, Listed},
    },
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lake_schema::{
    FileId, Table,
    layout::{self, LakeFile},
};
use serde::Deserialize;
use time::OffsetDateTime;

use crate::progress::Step;

/// Time limit of one page of a listing, and of one object.
const LIMIT: Duration = Duration::from_mins(2);
/// Larger than any file that a local stack writes.
const MAX_BYTES: usize = 2 << 30;
/// Number of files that are copied concurrently: most are small, and a request costs more than its bytes.
const AT_ONCE: usize = 16;
/// How often the copy is started again.
const ATTEMPTS: usize = 5;

/// Source and target of the copy.
#[derive(Debug)]
pub(super) struct LakeCopy {
    pub(super) s3: S3Client,
    pub(super) bucket: String,
    /// The folder in which the files are stored under their keys.
    pub(super) folder: PathBuf,
}

/// The files of one table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TableCopy {
    /// Files that are never removed, under `dt=YYYY-MM-DD/` or `month=YYYY-MM/`, as in the bucket.
    pub(super) files: Vec<PathBuf>,
    /// Parts that arrived since, under `at=YYYY-MM-DD/dt=YYYY-MM-DD/`.
    pub(super) parts: Vec<PathBuf>,
    /// The latest version of the compaction's state, if there is any.
    pub(super) states: Vec<PathBuf>,
}

/// A line of the manifest about a file.
#[derive(Debug, Deserialize)]
struct ManifestLine {
    file: String,
    hidden: bool,
}

/// The objects that a copy consists of.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    manifest: Option<String>,
    files: Vec<Listed>,
}

impl LakeCopy {
    /// Brings the copy of `table` up to date, as it is at one moment.
    pub(super) async fn update(&self, table: &Table, step: &Step) -> Result<TableCopy> {
        for _ in 0..ATTEMPTS {
            if let Some(copy) = self.try_update(table, step).await? {
                self.remove_others(table, &copy)?;
                return Ok(copy);
            }
        }
        bail!(
            "files of {} are removed faster than they can be copied: {ATTEMPTS} times one was gone; try again when \
             compaction is over",
            table.name()
        )
    }

    /// `None` when an object that had been listed was missing.
    async fn try_update(&self, table: &Table, step: &Step) -> Result<Option<TableCopy>> {
        step.note(format!("listing {}", table.name()));
        let Some(look) = self.look(table).await? else {
            return Ok(None);
        };
        let missing: Vec<&Listed> = look
            .files
            .iter()
            .filter(|file| !self.is_current(file))
            .collect();
        let keys: Vec<String> = missing.iter().map(|file| file.key.clone()).collect();
        let mut fetched = stream::iter(keys)
            .map(|key| async move { self.fetch(&key).await })
            .buffer_unordered(AT_ONCE);
        let mut count = 0;
        while let Some(is_there) = fetched.try_next().await? {
            if !is_there {
                return Ok(None);
            }
            count += 1;
            step.note(format!(
                "copying {}: {count} of {} new files",
                table.name(),
                missing.len()
            ));
        }
        let path = |key: &String| self.folder.join(key);
        let parts_prefix = layout::parts_prefix(table.name());
        let keys = look.files.iter().map(|file| &file.key);
        let (parts, files) =
            keys.partition::<Vec<&String>, _>(|key| key.starts_with(&parts_prefix));
        Ok(Some(TableCopy {
            files: files.into_iter().map(path).collect(),
            parts: parts.into_iter().map(path).collect(),
            states: look.manifest.iter().map(path).collect(),
        }))
    }

    async fn look(&self, table: &Table) -> Result<Option<Look>> {
        let states = self.keys(&layout::state_prefix(table.name())).await?;
        let latest = states
            .into_iter()
            .filter_map(|key| Some((layout::state_version(table.name(), &key)?.0, key)))
            .max();
        let mut hidden = BTreeSet::new();
        let manifest = latest.map(|(_, key)| key);
        if let Some(key) = &manifest {
            if !self.folder.join(key).is_file() && !self.fetch(key).await? {
                return Ok(None);
            }
            let path = self.folder.join(key);
            let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            hidden = hidden_files(&text).with_context(|| format!("reading {key}"))?;
        }
        let listed = self.list(&layout::table_prefix(table.name())).await?;
        // A part that is stored under two arrival days is one part.
        let mut seen = BTreeSet::new();
        let is_shown = |listed: &Listed| {
            LakeFile::from_key(table.name(), &listed.key)
                .is_some_and(|file| !hidden.contains(&file.id) && seen.insert(file.id))
        };
        Ok(Some(Look {
            manifest,
            files: listed.into_iter().filter(is_shown).collect(),
        }))
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let listed = self.list(prefix).await?;
        Ok(listed.into_iter().map(|object| object.key).collect())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        Ok(listing::list(&self.s3, &self.bucket, prefix, LIMIT).await?)
    }

    /// Whether the file is here as it is there.
    fn is_current(&self, file: &Listed) -> bool {
        let Ok(here) = fs::metadata(self.folder.join(&file.key)) else {
            return false;
        };
        let is_older = file.last_modified.is_some_and(|there| {
            here.modified()
                .is_ok_and(|here| OffsetDateTime::from(here) < there)
        });
        here.is_file() && here.len() == file.size_bytes && !is_older
    }

    /// Whether the object still exists.
    async fn fetch(&self, key: &str) -> Result<bool> {
        let name = ObjectRef {
            bucket: self.bucket.clone(),
            key: key.to_owned(),
        };
        let bytes = match s3::get_capped(&self.s3, &name, MAX_BYTES, LIMIT).await {
            Ok(bytes) => bytes,
            Err(GetError::Missing { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        // Only keys of the lake's own form get here, so the path stays in the folder.
        let path = self.folder.join(key);
        let parent = path.parent().context("a key has a folder")?;
        fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
        let unfinished = path.with_extension("unfinished");
        fs::write(&unfinished, bytes)
            .and_then(|()| fs::rename(&unfinished, &path))
            .with_context(|| format!("writing {}", path.display()))?;
        Ok(true)
    }

    /// Removes files of the table that are no longer in the bucket.
    fn remove_others(&self, table: &Table, copy: &TableCopy) -> Result<()> {
        let current: BTreeSet<&Path> = copy
            .files
            .iter()
            .chain(&copy.parts)
            .chain(&copy.states)
            .map(PathBuf::as_path)
            .collect();
        let mut folders = vec![
            self.folder.join(layout::table_prefix(table.name())),
            self.folder.join(layout::state_prefix(table.name())),
        ];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries.with_context(|| format!("reading {}", folder.display()))?,
            };
            for entry in entries {
                let entry = entry.with_context(|| format!("reading {}", folder.display()))?;
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                } else if !current.contains(path.as_path()) {
                    fs::remove_file(&path)
                        .with_context(|| format!("removing {}", path.display()))?;
                }
            }
        }
        Ok(())
    }
}

/// The files that a version of the manifest hides.
fn hidden_files(manifest: &[u8]) -> Result<BTreeSet<FileId>> {
    let mut hidden = BTreeSet::new();
    for line in manifest.split(|byte| *byte == b'\n') {
        if line.is_empty() {
            continue;
        }
        let line: ManifestLine = serde_json::from_slice(line)?;
        if line.hidden {
            hidden.insert(line.file.parse()?);
        }
    }
    Ok(hidden)
}

#[cfg(test)]
mod tests;
