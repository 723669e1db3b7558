//! Closing months: a copy of their closed days in one file, and one more for what comes late, in a table of their own.

use std::{
    collections::{BTreeMap, BTreeSet},
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
    ledger::{Closing, Phase, version_after},
    plan::{DaysOfMonth, due_months, next_steps},
    take_first_steps,
};
use crate::{
    Deps,
    stored::{DayState, Stored, StoredError},
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
    let copied = read_copied(&stored, days).await?;
    let due = due_months(&stored.table, &ledger, &copied, days, now, policy);
    for month in due.too_large {
        let month = format_partition(Period::Month, month);
        info!(month, "month is too large for one file and stays in days");
    }
    let steps = next_steps(&ledger, &[], due.months, now, policy.settle);
    let write = steps.write.clone();
    let mut ledger = take_first_steps(&stored, ledger, &replaced, steps, report).await?;

    let mut has_changed = false;
    for month in write {
        let Some(closing) = ledger.days.get_mut(&month) else {
            continue;
        };
        let name = format_partition(Period::Month, month);
        if Instant::now() >= begin_until {
            report.put_off.push(month);
            continue;
        }
        let span = info_span!("month", month = name, day_count = closing.inputs.len());
        match write_month(deps, table, &stored, month, closing)
            .instrument(span)
            .await
        {
            Ok(()) => {
                (closing.phase, closing.since) = (Phase::Written, (deps.clock)());
                has_changed = true;
                report.months.push(month);
            }
            Err(error) => {
                error!(month = name, error = %function_kit::chain(&error), "month cannot be closed now");
                report.failed.push(month);
            }
        }
    }
    if has_changed {
        ledger.version = version_after(ledger.version, (deps.clock)().date());
        stored.write_ledger(&ledger).await?;
    }
    report.closing_count += ledger.days.len();
    Ok(())
}

/// The closed days that are in their months already.
async fn read_copied(
    stored: &Stored,
    days: &BTreeMap<Date, DaysOfMonth>,
) -> Result<BTreeMap<Date, BTreeSet<FileId>>, StoredError> {
    let mut copied = BTreeMap::new();
    for month in days.keys() {
        if let (Some(state), _) = stored.read_day(*month).await? {
            copied.insert(*month, state.parts);
        }
    }
    Ok(copied)
}

async fn write_month(
    deps: &Deps,
    table: &Table,
    stored: &Stored,
    month: Date,
    closing: &Closing,
) -> Result<(), CloseError> {
    let started = Instant::now();
    let id = closing.output;
    let (state, version) = stored.read_day(month).await?;
    let (mut parts, rows_before) = state
        .map(|state| (state.parts, state.row_count))
        .unwrap_or_default();
    parts.extend(closing.inputs.iter().map(|day| day.id));
    let output = LakeFile {
        day: month,
        kind: FileKind::ClosedMonth,
        id,
    };
    let name = stored.object(output.key(&stored.table));
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("month.parquet");
    let row_count = copy_days(deps, table, &closing.inputs, &path, id).await?;
    let size_bytes = fs::metadata(&path)?.len();
    put_new_file(&stored.s3, &name, &path, PARQUET, WRITE_LIMIT)
        .await
        .map_err(StoredError::from)?;
    let state = DayState {
        output: id,
        closed_at: (deps.clock)(),
        row_count: rows_before + row_count,
        parts,
    };
    stored.write_day(month, &state, &version).await?;

    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    info!(row_count, size_bytes, duration_ms, "month written");
    Ok(())
}

/// Copies the days, which lie in the table's own files, into one file at `path`.
async fn copy_days(
    deps: &Deps,
    table: &Table,
    days: &[LakeFile],
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
    for day in days {
        let key = day.key(&stored.table);
        let source = fetch(&stored, &key).await?;
        let day = day.day;
        let added = spawn_blocking(move || file.add(day, source).map(|()| file));
        file = added.await?.map_err(failed(&key))?;
    }
    let finished = spawn_blocking(|| file.finish());
    let (_, row_count) = finished
        .await?
        .map_err(failed(&path.display().to_string()))?;
    Ok(row_count)
}
