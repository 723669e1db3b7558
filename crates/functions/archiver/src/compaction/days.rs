//! Compaction days: many parts to one file, while queries go on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
};

use aws_io::s3::{GetError, stream::BlockingBody};
use lake_files::{Merge, MergeError, Merged};
use lake_schema::{
    FileId, Period, Table,
    layout::{FileKind, LakeFile},
};
use time::{Date, OffsetDateTime};
use tokio::{task::spawn_blocking, time::Instant};
use tracing::{error, info, warn};

use super::{
    CloseError, Report,
    close::{Closed, Writer, close_all, open_object, put_output, set_closed_aside},
    manifest::Compaction,
    plan::{DaysOfMonth, days_by_month, due_days, next_steps},
    rebuild::read_manifest,
    set_aside::{Reason, set_file_aside},
    take_first_steps,
};
use crate::{
    Deps,
    lake_store::{DayState, LakeStore, LakeStoreError},
};

/// Brings every day of `table` that is to be closed one step further. Returns what months have of the days, as they were listed.
pub(super) async fn compact_days(
    deps: &Deps,
    table: &Table,
    begin_until: Instant,
    report: &mut Report,
) -> Result<BTreeMap<Date, DaysOfMonth>, CloseError> {
    let stored = LakeStore::new(deps, table);
    let now = (deps.clock)();
    let policy = deps.config.policy;
    let (manifest, replaced) = read_manifest(deps, &stored).await?;
    let sizes = stored.list_files().await?;
    let files: Vec<LakeFile> = sizes.keys().copied().collect();
    let closed_at = read_closing_times(&stored, &files, report).await?;
    let mut due = due_days(&stored.table, &manifest, &files, &closed_at, now, policy);
    due.retain(|day, _| !report.failed.contains(day));
    let steps = next_steps(&manifest, &files, due, now, policy.query_grace_period);
    let write = steps.write.clone();
    let mut manifest = take_first_steps(&stored, manifest, &replaced, steps, report).await?;
    let writer = DayWriter {
        deps,
        table,
        stored: &stored,
        files: &files,
    };
    let merged = close_all(
        deps,
        &stored,
        &mut manifest,
        write,
        begin_until,
        report,
        writer,
    )
    .await?;
    report.merged.extend(merged);
    Ok(days_by_month(&sizes, &manifest, deps.config.first_day))
}

/// Merges the parts of days.
struct DayWriter<'a> {
    deps: &'a Deps,
    table: &'a Table,
    stored: &'a LakeStore,
    /// All files of the table.
    files: &'a [LakeFile],
}

impl Writer for DayWriter<'_> {
    type Written = Merged;
    const PERIOD: Period = Period::Day;

    async fn write(
        &self,
        day: Date,
        compaction: &Compaction,
    ) -> Result<Closed<Merged>, CloseError> {
        let known: Vec<LakeFile> = self
            .files
            .iter()
            .filter(|file| file.day == day && file.kind == FileKind::ClosedDay)
            .filter(|file| file.id != compaction.output)
            .copied()
            .collect();
        merge_day(self.deps, self.table, self.stored, day, compaction, &known).await
    }
}

/// When the days with parts were closed last. A day whose state cannot be read has failed, and no other.
async fn read_closing_times(
    stored: &LakeStore,
    files: &[LakeFile],
    report: &mut Report,
) -> Result<BTreeMap<Date, OffsetDateTime>, LakeStoreError> {
    let is_part = |file: &&LakeFile| matches!(file.kind, FileKind::Part { .. });
    let days: BTreeSet<Date> = files.iter().filter(is_part).map(|file| file.day).collect();
    let mut closed_at = BTreeMap::new();
    for day in days {
        match stored.read_day(day).await {
            Ok((state, _)) => closed_at.extend(state.map(|state| (day, state.closed_at))),
            Err(error @ LakeStoreError::DayState { .. }) => {
                let error = function_kit::chain(&error);
                error!(day = %day, error = %error, "day cannot be closed until its state can be read");
                report.failed.push(day);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(closed_at)
}

/// Files of one day on their way into one.
struct DayMerge<'a> {
    deps: &'a Deps,
    stored: &'a LakeStore,
    merge: Merge,
    /// The files that were given to `merge`, in that order.
    added: Vec<LakeFile>,
    /// Those that cannot be merged, and why.
    broken: Vec<(LakeFile, Reason)>,
}

async fn merge_day(
    deps: &Deps,
    table: &Table,
    stored: &LakeStore,
    day: Date,
    closing: &Compaction,
    known: &[LakeFile],
) -> Result<Closed<Merged>, CloseError> {
    let started = Instant::now();
    let (state, version) = stored.read_day(day).await?;
    let is_written = state
        .as_ref()
        .is_some_and(|state| state.output == closing.output);
    let (mut parts, rows_before) = state
        .map(|state| (state.parts, state.row_count))
        .unwrap_or_default();
    if is_written {
        // A run that was cut off has done all but say so. What it left out is planned again.
        let used = closing.inputs.iter().copied();
        let used = used.filter(|input| parts.contains_key(&input.id)).collect();
        return Ok(Closed {
            used,
            written: None,
        });
    }

    let directory = tempfile::tempdir()?;
    let merge = Merge::new(
        table.clone(),
        directory.path().to_owned(),
        deps.config.column_bytes,
    );
    let mut day_merge = DayMerge {
        deps,
        stored,
        merge: merge.with_max_rows(deps.config.max_rows),
        added: Vec::new(),
        broken: Vec::new(),
    };
    for file in known {
        if !day_merge.add(*file, Merge::add_known).await? {
            let file = file.key(&stored.table);
            return Err(CloseError::TooManyRows { key: file });
        }
    }
    for input in &closing.inputs {
        // A part that is in a closed file already, or filed under two days, must not be in there twice.
        if parts.contains_key(&input.id) {
            continue;
        }
        if day_merge.add(*input, Merge::add).await? {
            parts.insert(input.id, closing.output);
        } else {
            warn!(part = %input.id, "part left for the next merge: this one has as many rows as the memory has room for");
        }
    }
    let are_left = closing
        .inputs
        .iter()
        .any(|input| !parts.contains_key(&input.id));
    if are_left && day_merge.merge.is_empty() {
        let key = format!("{} files of {day}", closing.inputs.len());
        return Err(CloseError::TooManyRows { key });
    }
    let path = directory.path().join("day.parquet");
    let merged = day_merge.finish(&path, closing.output).await?;
    let broken = day_merge.broken;
    for (file, _) in &broken {
        parts.remove(&file.id);
    }
    let (broken_known, broken_inputs): (Vec<_>, Vec<_>) = broken
        .into_iter()
        .partition(|(file, _)| file.kind == FileKind::ClosedDay);
    parts.retain(|_, output| !broken_known.iter().any(|(file, _)| file.id == *output));

    if let Some(merged) = merged {
        let output = LakeFile {
            day,
            kind: FileKind::ClosedDay,
            id: closing.output,
        };
        put_output(stored, output, &path).await?;
        let state = DayState {
            output: output.id,
            closed_at: (deps.clock)(),
            row_count: rows_before + merged.row_count,
            parts: parts.clone(),
        };
        stored.write_day(day, &state, &version).await?;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        info!(
            row_count = merged.row_count,
            duplicate_count = merged.duplicate_count,
            duration_ms,
            "day merged"
        );
    }
    for (file, reason) in &broken_inputs {
        set_file_aside(deps, stored, *file, reason).await?;
    }
    set_closed_aside(deps, stored, &broken_known).await?;
    let used = closing.inputs.iter().copied();
    Ok(Closed {
        used: used.filter(|input| parts.contains_key(&input.id)).collect(),
        written: merged,
    })
}

impl DayMerge<'_> {
    /// Reads one file into the merge. `false` when there is no room for it beside the others. One that is broken is noted down.
    async fn add(
        &mut self,
        file: LakeFile,
        how: fn(&mut Merge, BlockingBody) -> Result<(), MergeError>,
    ) -> Result<bool, CloseError> {
        let key = file.key(&self.stored.table);
        let body = match open_object(self.stored, &key).await {
            Err(CloseError::Get {
                source: GetError::Missing { .. },
                ..
            }) => {
                self.broken.push((file, Reason::missing()));
                return Ok(true);
            }
            opened => opened?,
        };
        let added = self.with_merge(move |merge| how(merge, body)).await?;
        self.added.push(file);
        match added {
            Ok(()) => Ok(true),
            Err(MergeError::Full { .. }) => Ok(false),
            Err(source) => match source.broken_file() {
                Some(error) => {
                    self.broken.push((file, error.into()));
                    Ok(true)
                }
                None => Err(CloseError::Merge { key, source }),
            },
        }
    }

    /// Writes all good files as one to `path`, unless there is nothing to write.
    async fn finish(
        &mut self,
        path: &std::path::Path,
        output: FileId,
    ) -> Result<Option<Merged>, CloseError> {
        while !self.merge.is_empty() {
            let path = path.to_owned();
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
                return Err(CloseError::Merge { key, source });
            }
            for file in broken {
                if let Some(added) = self.added.get(file.number) {
                    self.broken.push((*added, (&file.error).into()));
                }
            }
        }
        Ok(None)
    }

    /// Does something with the merge on a thread that may block.
    async fn with_merge<T: Send + 'static>(
        &mut self,
        what: impl FnOnce(&mut Merge) -> T + Send + 'static,
    ) -> Result<T, CloseError> {
        let config = &self.deps.config;
        let empty = Merge::new(
            self.merge.table().clone(),
            std::env::temp_dir(),
            config.column_bytes,
        );
        let mut merge = std::mem::replace(&mut self.merge, empty);
        let (merge, done) = spawn_blocking(move || {
            let done = what(&mut merge);
            (merge, done)
        })
        .await?;
        self.merge = merge;
        Ok(done)
    }
}
