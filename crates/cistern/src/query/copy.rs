//! A copy of the local stack's lake on disk, brought up to date before each query.
//!
//! A file of the lake never changes under its name, so one that is here is not read again, and one that is gone there goes.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use aws_io::{
    S3Client,
    s3::{self, GetError, ObjectRef, listing},
};
use lake_schema::{
    Table,
    layout::{self, LakeFile},
};

/// For a page of a listing, and for an object.
const LIMIT: Duration = Duration::from_mins(2);
/// Larger than any file that a local stack makes.
const MAX_BYTES: usize = 2 << 30;

/// The files of one table.
#[derive(Debug)]
pub(super) struct TableCopy {
    /// Under `dt=YYYY-MM-DD/` or `month=YYYY-MM/`, as in the bucket.
    pub(super) files: Vec<PathBuf>,
    /// The versions of what compaction is busy with.
    pub(super) states: Vec<PathBuf>,
}

/// Brings the copy of `table` in `folder` up to date.
pub(super) async fn update(
    s3: &S3Client,
    bucket: &str,
    table: &Table,
    folder: &Path,
) -> Result<TableCopy> {
    let lake = keys(s3, bucket, &layout::table_prefix(table.name()))
        .await?
        .into_iter()
        .filter(|key| LakeFile::from_key(table.name(), key).is_some());
    let states = keys(s3, bucket, &layout::state_prefix(table.name()))
        .await?
        .into_iter()
        .filter(|key| layout::state_version(table.name(), key).is_some());
    Ok(TableCopy {
        files: fetch_all(s3, bucket, lake, folder).await?,
        states: fetch_all(s3, bucket, states, folder).await?,
    })
}

/// Removes what is no longer in the bucket.
pub(super) fn remove_others(folder: &Path, copies: &[TableCopy]) -> Result<()> {
    let current: BTreeSet<&Path> = copies
        .iter()
        .flat_map(|copy| copy.files.iter().chain(&copy.states))
        .map(PathBuf::as_path)
        .collect();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.with_context(|| format!("reading {}", folder.display()))?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if !current.contains(path.as_path()) {
                fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
            }
        }
    }
    Ok(())
}

async fn keys(s3: &S3Client, bucket: &str, prefix: &str) -> Result<Vec<String>> {
    let listed = listing::list(s3, bucket, prefix, LIMIT).await?;
    Ok(listed.into_iter().map(|object| object.key).collect())
}

async fn fetch_all(
    s3: &S3Client,
    bucket: &str,
    keys: impl Iterator<Item = String>,
    folder: &Path,
) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for key in keys {
        // Only keys of the lake's own form come here: they lead nowhere else.
        let path = folder.join(&key);
        if path.is_file() || fetch(s3, bucket, key, &path).await? {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// Whether the object is still there.
async fn fetch(s3: &S3Client, bucket: &str, key: String, path: &Path) -> Result<bool> {
    let name = ObjectRef {
        bucket: bucket.to_owned(),
        key,
    };
    let bytes = match s3::get_capped(s3, &name, MAX_BYTES, LIMIT).await {
        Ok(bytes) => bytes,
        // Compaction has removed it since it was listed; what it became is there.
        Err(GetError::Missing { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let parent = path.parent().context("a key has a folder")?;
    fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, bytes)
        .and_then(|()| fs::rename(&unfinished, path))
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_from_the_bucket_goes() {
        let folder = tempfile::tempdir().unwrap();
        let day = folder.path().join("lake/events/dt=2026-01-01");
        fs::create_dir_all(&day).unwrap();
        let (kept, gone) = (day.join("day-1.parquet"), day.join("part-2.parquet"));
        fs::write(&kept, "").unwrap();
        fs::write(&gone, "").unwrap();

        let copy = TableCopy {
            files: vec![kept.clone()],
            states: Vec::new(),
        };
        remove_others(folder.path(), &[copy]).unwrap();

        assert!(kept.exists());
        assert!(!gone.exists());
        remove_others(&folder.path().join("nothing"), &[]).unwrap();
    }
}
