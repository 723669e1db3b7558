//! Copies the compacted days of one month into one file.

use std::fs::{self, File};

use lake_files::{MonthError, MonthFile};
use lake_schema::{
    FileId, Table,
    layout::{FileKind, LakeFile},
};
use tempfile::TempDir;
use time::Date;
use tokio::{task::spawn_blocking, time::Instant};
use tracing::info;

use crate::{
    Deps,
    compaction::{
        advance::Compacted,
        error::CompactionError,
        files::{fetch_object, put_output},
        set_aside::{Reason, set_compacted_aside},
    },
    lake_store::{DayState, LakeStore},
    manifest::Compaction,
};

/// The copy of one month.
pub(super) struct MonthCopy<'a> {
    deps: &'a Deps,
    table: &'a Table,
    /// The table of monthly copies.
    store: &'a LakeStore,
    /// The table of days.
    day_store: LakeStore,
    directory: TempDir,
}

/// The rows that were copied, or the first day that cannot be copied, and why.
type CopiedDays = Result<u64, (LakeFile, Reason)>;

impl<'a> MonthCopy<'a> {
    pub(super) fn new(
        deps: &'a Deps,
        table: &'a Table,
        store: &'a LakeStore,
    ) -> Result<Self, CompactionError> {
        Ok(Self {
            deps,
            table,
            store,
            day_store: LakeStore::new(deps, table),
            directory: tempfile::tempdir()?,
        })
    }

    /// Writes and stores the output of `compaction`.
    pub(super) async fn run(
        &self,
        month: Date,
        compaction: &Compaction,
    ) -> Result<Compacted<()>, CompactionError> {
        let started = Instant::now();
        let id = compaction.output;
        let (state, version) = self.store.read_day(month).await?;
        let (mut parts, rows_before) = state
            .map(|state| (state.parts, state.row_count))
            .unwrap_or_default();
        let path = self.directory.path().join("month.parquet");
        let mut used = compaction.inputs.clone();
        let mut row_count = 0;
        while !used.is_empty() {
            match self.copy_days(&used, File::create(&path)?, id).await? {
                Ok(rows) => {
                    row_count = rows;
                    break;
                }
                // The file is incomplete, so it is written again without that day.
                Err((day, reason)) => {
                    set_compacted_aside(self.deps, &self.day_store, &[(day, reason)]).await?;
                    used.retain(|other| *other != day);
                }
            }
        }
        if used.is_empty() {
            return Ok(Compacted {
                used,
                written: None,
            });
        }
        let output = LakeFile {
            day: month,
            kind: FileKind::MonthlyCopy,
            id,
        };
        let size_bytes = fs::metadata(&path)?.len();
        put_output(self.store, output, &path).await?;
        parts.extend(used.iter().map(|day| (day.id, id)));
        let state = DayState {
            output: id,
            compacted_at: (self.deps.clock)(),
            row_count: rows_before + row_count,
            parts,
        };
        self.store.write_day(month, &state, &version).await?;

        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        info!(row_count, size_bytes, duration_ms, "month copied");
        Ok(Compacted {
            used,
            written: Some(()),
        })
    }

    /// Copies the compacted days into `out`.
    async fn copy_days(
        &self,
        days: &[LakeFile],
        out: File,
        id: FileId,
    ) -> Result<CopiedDays, CompactionError> {
        let failed = |key: String, source| CompactionError::Month { key, source };
        let directory = self.directory.path().to_owned();
        let column_bytes = self.deps.config.column_bytes;
        let mut file = MonthFile::new(out, self.table, directory, column_bytes, id)
            .map_err(|source| failed(format!("file {id}"), source))?;
        for day in days {
            let key = day.key(&self.day_store.table);
            let source = match fetch_object(&self.day_store, &key).await {
                Err(error) if error.is_missing_object() => {
                    return Ok(Err((*day, Reason::missing())));
                }
                fetched => fetched?,
            };
            let date = day.day;
            let added = spawn_blocking(move || file.add(date, source).map(|()| file)).await?;
            file = match added {
                Ok(file) => file,
                Err(source) => {
                    return match source.broken_file() {
                        Some(error) => Ok(Err((*day, error.into()))),
                        None => Err(failed(key, source)),
                    };
                }
            };
        }
        let finished = spawn_blocking(|| file.finish()).await?;
        let (_, row_count) =
            finished.map_err(|source: MonthError| failed(format!("file {id}"), source))?;
        Ok(Ok(row_count))
    }
}
