//! Compaction months: a copy of their closed days in one file, and one more for what comes late, in a table of their own.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    path::Path,
};

use aws_io::s3::GetError;
use lake_files::{MonthError, MonthFile};
use lake_schema::{
    FileId, Period, Table,
    layout::{FileKind, LakeFile, format_partition},
};
use time::Date;
use tokio::{task::spawn_blocking, time::Instant};
use tracing::info;

use super::{
    CloseError, Report,
    close::{Closed, Writer, close_all, open_object, put_output, set_closed_aside},
    manifest::Compaction,
    plan::{DaysOfMonth, due_months, next_steps},
    rebuild::read_manifest,
    set_aside::Reason,
    take_first_steps,
};
use crate::{
    Deps,
    lake_store::{DayState, LakeStore, LakeStoreError},
};

/// Brings every month of `table` that is to be closed one step further, and begins no file after `begin_until`.
pub(super) async fn compact_months(
    deps: &Deps,
    table: &Table,
    days: &BTreeMap<Date, DaysOfMonth>,
    begin_until: Instant,
    report: &mut Report,
) -> Result<(), CloseError> {
    let stored = LakeStore::new(deps, &table.closed_months());
    let now = (deps.clock)();
    let policy = deps.config.policy;
    let (manifest, replaced) = read_manifest(deps, &stored).await?;
    let copied = read_copied(&stored, days).await?;
    let due = due_months(&stored.table, &manifest, &copied, days, now, policy);
    for month in due.too_large {
        let month = format_partition(Period::Month, month);
        info!(month, "month is too large for one file and stays in days");
    }
    let steps = next_steps(&manifest, &[], due.months, now, policy.query_grace_period);
    let write = steps.write.clone();
    let mut manifest = take_first_steps(&stored, manifest, &replaced, steps, report).await?;
    let writer = MonthWriter {
        deps,
        table,
        stored: &stored,
    };
    let written = close_all(
        deps,
        &stored,
        &mut manifest,
        write,
        begin_until,
        report,
        writer,
    )
    .await?;
    report
        .months
        .extend(written.into_iter().map(|(month, ())| month));
    Ok(())
}

/// Copies the days of months.
struct MonthWriter<'a> {
    deps: &'a Deps,
    table: &'a Table,
    stored: &'a LakeStore,
}

impl Writer for MonthWriter<'_> {
    type Written = ();
    const PERIOD: Period = Period::Month;

    async fn write(&self, month: Date, compaction: &Compaction) -> Result<Closed<()>, CloseError> {
        write_month(self.deps, self.table, self.stored, month, compaction).await
    }
}

/// The closed days that are in their months already.
async fn read_copied(
    stored: &LakeStore,
    days: &BTreeMap<Date, DaysOfMonth>,
) -> Result<BTreeMap<Date, BTreeSet<FileId>>, LakeStoreError> {
    let mut copied = BTreeMap::new();
    for month in days.keys() {
        if let (Some(state), _) = stored.read_day(*month).await? {
            copied.insert(*month, state.parts.into_keys().collect());
        }
    }
    Ok(copied)
}

async fn write_month(
    deps: &Deps,
    table: &Table,
    stored: &LakeStore,
    month: Date,
    closing: &Compaction,
) -> Result<Closed<()>, CloseError> {
    let started = Instant::now();
    let id = closing.output;
    let (state, version) = stored.read_day(month).await?;
    let (mut parts, rows_before) = state
        .map(|state| (state.parts, state.row_count))
        .unwrap_or_default();
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("month.parquet");
    let days = LakeStore::new(deps, table);
    let mut used = closing.inputs.clone();
    let mut row_count = 0;
    while !used.is_empty() {
        match copy_days(deps, table, &used, &path, id).await? {
            Ok(rows) => {
                row_count = rows;
                break;
            }
            // The file that was begun ends anywhere, so it is begun anew.
            Err((day, reason)) => {
                set_closed_aside(deps, &days, &[(day, reason)]).await?;
                used.retain(|other| *other != day);
            }
        }
    }
    if used.is_empty() {
        return Ok(Closed {
            used,
            written: None,
        });
    }
    let output = LakeFile {
        day: month,
        kind: FileKind::ClosedMonth,
        id,
    };
    let size_bytes = fs::metadata(&path)?.len();
    put_output(stored, output, &path).await?;
    parts.extend(used.iter().map(|day| (day.id, id)));
    let state = DayState {
        output: id,
        closed_at: (deps.clock)(),
        row_count: rows_before + row_count,
        parts,
    };
    stored.write_day(month, &state, &version).await?;

    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    info!(row_count, size_bytes, duration_ms, "month written");
    Ok(Closed {
        used,
        written: Some(()),
    })
}

/// The rows that were copied, or the day that cannot be, and why.
type Copied = Result<u64, (LakeFile, Reason)>;

/// Copies the days, which lie in the table's own files, into one file at `path`.
async fn copy_days(
    deps: &Deps,
    table: &Table,
    days: &[LakeFile],
    path: &Path,
    id: FileId,
) -> Result<Copied, CloseError> {
    let stored = LakeStore::new(deps, table);
    let directory = path.parent().unwrap_or(path).to_owned();
    let failed = |key: &str, source| CloseError::Month {
        key: key.to_owned(),
        source,
    };
    let name = path.display().to_string();
    let mut file = MonthFile::new(
        File::create(path)?,
        table,
        directory,
        deps.config.column_bytes,
        id,
    )
    .map_err(|source| failed(&name, source))?;
    for day in days {
        let key = day.key(&stored.table);
        let source = match fetch(&stored, &key).await {
            Err(CloseError::Get {
                source: GetError::Missing { .. },
                ..
            }) => return Ok(Err((*day, Reason::missing()))),
            fetched => fetched?,
        };
        let date = day.day;
        let added = spawn_blocking(move || file.add(date, source).map(|()| file)).await?;
        file = match added {
            Ok(file) => file,
            Err(source) => {
                return match source.broken_file() {
                    Some(error) => Ok(Err((*day, error.into()))),
                    None => Err(failed(&key, source)),
                };
            }
        };
    }
    let finished = spawn_blocking(|| file.finish()).await?;
    let (_, row_count) = finished.map_err(|source: MonthError| failed(&name, source))?;
    Ok(Ok(row_count))
}

/// Copies an object to the disk, as Parquet is read from its end.
async fn fetch(stored: &LakeStore, key: &str) -> Result<File, CloseError> {
    let mut body = open_object(stored, key).await?;
    let copied = spawn_blocking(move || {
        let mut file = tempfile::tempfile()?;
        io::copy(&mut body, &mut file)?;
        Ok(file)
    });
    copied.await?.map_err(|source| CloseError::Copy {
        key: key.to_owned(),
        source,
    })
}
