//! Closing months: a copy of their closed days in one file each, in a table of their own.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
};

use aws_io::s3::put_new_file;
use lake_files::MonthFile;
use lake_schema::{
    FileId, Period, Table,
    layout::{FileKind, LakeFile, format_partition},
};
use time::Date;
use tokio::{task::spawn_blocking, time::Instant};
use tracing::{Instrument, error, info, info_span};

use super::{
    CloseError, PARQUET, Report, WRITE_LIMIT, fetch,
    ledger::Phase,
    plan::{DaysOfMonth, due_months, next_steps},
    take_first_steps,
};
use crate::{
    Deps,
    stored::{Stored, StoredError},
};

/// Brings every month of `table` that is to be closed one step further, and begins no file after `begin_until`.
pub(super) async fn compact_months(
    deps: &Deps,
    table: &Table,
    days: &BTreeMap<Date, DaysOfMonth>,
    begin_until: Instant,
    report: &mut Report,
) -> Result<(), StoredError> {
    let stored = Stored::new(deps, &table.closed_months());
    let now = (deps.clock)();
    let policy = deps.config.policy;
    let (ledger, replaced) = stored.read_ledger(now - policy.settle).await?;
    let files: Vec<LakeFile> = stored.list_files().await?.into_keys().collect();
    let due = due_months(&stored.table, &ledger, &files, days, now, policy);
    for month in due.too_large {
        let month = format_partition(Period::Month, month);
        info!(month, "month is too large for one file and stays in days");
    }
    let steps = next_steps(&ledger, due.months, now, policy.settle);
    let write = steps.write.clone();
    let mut ledger = take_first_steps(&stored, ledger, &replaced, steps, report).await?;

    for month in write {
        let Some(closing) = ledger.days.get_mut(&month) else {
            continue;
        };
        let name = format_partition(Period::Month, month);
        let is_planned = |days: &&DaysOfMonth| days.output(&stored.table, month) == closing.output;
        let Some(days) = days.get(&month).filter(is_planned) else {
            info!(
                month = name,
                "days have changed since the month was planned"
            );
            closing.abandon(month, (deps.clock)());
            ledger.version += 1;
            stored.write_ledger(&ledger).await?;
            continue;
        };
        if Instant::now() >= begin_until {
            report.put_off.push(month);
            continue;
        }
        let span = info_span!("month", month = name, day_count = days.closed.len());
        match write_month(deps, table, &stored, month, closing.output, days)
            .instrument(span)
            .await
        {
            Ok(()) => {
                (closing.phase, closing.since) = (Phase::Written, (deps.clock)());
                ledger.version += 1;
                stored.write_ledger(&ledger).await?;
                report.months.push(month);
            }
            Err(error) => {
                error!(month = name, error = %boot::chain(&error), "month cannot be closed now");
                report.failed.push(month);
            }
        }
    }
    report.closing_count += ledger.days.len();
    Ok(())
}

async fn write_month(
    deps: &Deps,
    table: &Table,
    stored: &Stored,
    month: Date,
    id: FileId,
    days: &DaysOfMonth,
) -> Result<(), CloseError> {
    let started = Instant::now();
    let output = LakeFile {
        day: month,
        kind: FileKind::ClosedMonth,
        id,
    };
    let name = stored.object(output.key(&stored.table));
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("month.parquet");
    let row_count = copy_days(deps, table, days, &path, id).await?;
    let size_bytes = fs::metadata(&path)?.len();
    put_new_file(&stored.s3, &name, &path, PARQUET, WRITE_LIMIT)
        .await
        .map_err(StoredError::from)?;

    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    info!(row_count, size_bytes, duration_ms, "month written");
    Ok(())
}

/// Copies the days, which lie in the table's own files, into one file at `path`.
async fn copy_days(
    deps: &Deps,
    table: &Table,
    days: &DaysOfMonth,
    path: &Path,
    id: FileId,
) -> Result<u64, CloseError> {
    let stored = Stored::new(deps, table);
    let directory = path.parent().unwrap_or(path).to_owned();
    let failed = |key: &str| {
        let key = key.to_owned();
        move |source| CloseError::Month { key, source }
    };
    let out = File::create(path)?;
    let mut file = MonthFile::new(out, table, directory, deps.config.column_bytes, id)
        .map_err(failed(&path.display().to_string()))?;
    for day in days.closed.iter().copied() {
        let key = day.key(&stored.table);
        let source = fetch(&stored, &key).await?;
        let added = spawn_blocking(move || file.add(day.day, source).map(|()| file));
        file = added.await?.map_err(failed(&key))?;
    }
    let finished = spawn_blocking(|| file.finish());
    let (_, row_count) = finished
        .await?
        .map_err(failed(&path.display().to_string()))?;
    Ok(row_count)
}
