//! Merges the parts of one day into one file.

use std::{collections::BTreeMap, fs::File, path::PathBuf};

use aws_io::s3::stream::BlockingBody;
use lake_files::{Merge, MergeError, Merged};
use lake_schema::{
    FileId, Table,
    layout::{FileKind, LakeFile},
};
use tempfile::TempDir;
use time::Date;
use tokio::{task::spawn_blocking, time::Instant};
use tracing::{info, warn};

use crate::{
    Deps,
    compaction::{
        advance::Compacted,
        error::CompactionError,
        files::{open_object, put_output},
        set_aside::{Reason, set_compacted_aside, set_file_aside},
    },
    lake_store::{DayState, LakeStore},
    manifest::Compaction,
};

/// The merge of one day's files.
pub(super) struct DayMerge<'a> {
    deps: &'a Deps,
    store: &'a LakeStore,
    /// For the files while they are read, and for the output.
    directory: TempDir,
    merge: Merge,
    /// The files that were given to `merge`, in that order.
    added: Vec<LakeFile>,
    /// Those that cannot be merged, and why.
    broken: Vec<(LakeFile, Reason)>,
}

impl<'a> DayMerge<'a> {
    pub(super) fn new(
        deps: &'a Deps,
        table: &Table,
        store: &'a LakeStore,
    ) -> Result<Self, CompactionError> {
        let directory = tempfile::tempdir()?;
        let merge = Merge::new(
            table.clone(),
            directory.path().to_owned(),
            deps.config.column_bytes,
        );
        Ok(Self {
            deps,
            store,
            directory,
            merge: merge.with_max_rows(deps.config.max_rows),
            added: Vec::new(),
            broken: Vec::new(),
        })
    }

    /// Writes and stores the output of `compaction`. Events of the files `known` are left out, because these files stay.
    pub(super) async fn run(
        mut self,
        day: Date,
        compaction: &Compaction,
        known: &[LakeFile],
    ) -> Result<Compacted<Merged>, CompactionError> {
        let started = Instant::now();
        let (state, version) = self.store.read_day(day).await?;
        let is_written = state
            .as_ref()
            .is_some_and(|state| state.output == compaction.output);
        let (mut parts, rows_before) = state
            .map(|state| (state.parts, state.row_count))
            .unwrap_or_default();
        if is_written {
            // An interrupted run stored the output and did not record it in the manifest. Inputs that it left out are planned again.
            return Ok(compacted(compaction, &parts, None));
        }

        self.add_all(day, compaction, known, &mut parts).await?;
        let merged = self.finish(compaction.output).await?;
        for (file, _) in &self.broken {
            parts.remove(&file.id);
        }
        let (broken_known, broken_inputs): (Vec<_>, Vec<_>) = std::mem::take(&mut self.broken)
            .into_iter()
            .partition(|(file, _)| file.kind == FileKind::CompactedDay);
        parts.retain(|_, output| !broken_known.iter().any(|(file, _)| file.id == *output));

        if let Some(merged) = merged {
            let output = LakeFile {
                day,
                kind: FileKind::CompactedDay,
                id: compaction.output,
            };
            put_output(self.store, output, &self.output_path()).await?;
            let state = DayState {
                output: output.id,
                compacted_at: (self.deps.clock)(),
                row_count: rows_before + merged.row_count,
                parts: parts.clone(),
            };
            self.store.write_day(day, &state, &version).await?;
            let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            info!(
                row_count = merged.row_count,
                duplicate_count = merged.duplicate_count,
                duration_ms,
                "day merged"
            );
        }
        for (file, reason) in &broken_inputs {
            set_file_aside(self.deps, self.store, *file, reason).await?;
        }
        set_compacted_aside(self.deps, self.store, &broken_known).await?;
        Ok(compacted(compaction, &parts, merged))
    }

    /// Adds the known files, then the inputs, and records in `parts` which inputs the output will contain.
    async fn add_all(
        &mut self,
        day: Date,
        compaction: &Compaction,
        known: &[LakeFile],
        parts: &mut BTreeMap<FileId, FileId>,
    ) -> Result<(), CompactionError> {
        for file in known {
            if !self.add(*file, Merge::add_known).await? {
                let key = file.key(&self.store.table);
                return Err(CompactionError::TooManyRows { key });
            }
        }
        for input in &compaction.inputs {
            // A part that is in a compacted file already, or is filed under two days, must not be merged twice.
            if parts.contains_key(&input.id) {
                continue;
            }
            if self.add(*input, Merge::add).await? {
                parts.insert(input.id, compaction.output);
            } else {
                warn!(part = %input.id, "part left for the next merge, because this one has as many rows as fit into memory");
            }
        }
        let are_left = compaction
            .inputs
            .iter()
            .any(|input| !parts.contains_key(&input.id));
        if are_left && self.merge.is_empty() {
            let key = format!("{} files of {day}", compaction.inputs.len());
            return Err(CompactionError::TooManyRows { key });
        }
        Ok(())
    }

    /// Adds one file to the merge. `false` when its rows do not fit into memory beside those of the others. A broken file is
    /// recorded in `broken`.
    async fn add(
        &mut self,
        file: LakeFile,
        add_to: fn(&mut Merge, BlockingBody) -> Result<(), MergeError>,
    ) -> Result<bool, CompactionError> {
        let key = file.key(&self.store.table);
        let body = match open_object(self.store, &key).await {
            Err(error) if error.is_missing_object() => {
                self.broken.push((file, Reason::missing()));
                return Ok(true);
            }
            opened => opened?,
        };
        let added = self.with_merge(move |merge| add_to(merge, body)).await?;
        self.added.push(file);
        match added {
            Ok(()) => Ok(true),
            Err(MergeError::Full { .. }) => Ok(false),
            Err(source) => match source.broken_file() {
                Some(error) => {
                    self.broken.push((file, error.into()));
                    Ok(true)
                }
                None => Err(CompactionError::Merge { key, source }),
            },
        }
    }

    /// Writes all good files as one to the output path, unless there is nothing to write.
    async fn finish(&mut self, output: FileId) -> Result<Option<Merged>, CompactionError> {
        while !self.merge.is_empty() {
            let path = self.output_path();
            let finished = self
                .with_merge(move |merge| merge.finish(File::create(path)?, output))
                .await?;
            let source = match finished {
                Ok((_, merged)) => return Ok(Some(merged)),
                Err(source) => source,
            };
            let broken = if source.broken_file().is_some() {
                self.with_merge(Merge::take_broken).await?
            } else {
                Vec::new()
            };
            if broken.is_empty() {
                let key = format!("file {output}");
                return Err(CompactionError::Merge { key, source });
            }
            for file in broken {
                if let Some(added) = self.added.get(file.number) {
                    self.broken.push((*added, (&file.error).into()));
                }
            }
        }
        Ok(None)
    }

    fn output_path(&self) -> PathBuf {
        self.directory.path().join("day.parquet")
    }

    /// Runs `work` on a thread that may block.
    async fn with_merge<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Merge) -> T + Send + 'static,
    ) -> Result<T, CompactionError> {
        let config = &self.deps.config;
        let empty = Merge::new(
            self.merge.table().clone(),
            std::env::temp_dir(),
            config.column_bytes,
        );
        let mut merge = std::mem::replace(&mut self.merge, empty);
        let (merge, done) = spawn_blocking(move || {
            let done = work(&mut merge);
            (merge, done)
        })
        .await?;
        self.merge = merge;
        Ok(done)
    }
}

/// The result of a compaction whose day now has `parts` in its compacted files.
fn compacted(
    compaction: &Compaction,
    parts: &BTreeMap<FileId, FileId>,
    written: Option<Merged>,
) -> Compacted<Merged> {
    let inputs = compaction.inputs.iter().copied();
    Compacted {
        used: inputs
            .filter(|input| parts.contains_key(&input.id))
            .collect(),
        written,
    }
}
