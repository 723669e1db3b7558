//! Closing days: many parts to one file, while queries go on. And months, when they are asked for.

mod ledger;
mod months;
mod plan;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    time::Duration,
};

use aws_io::s3::{
    GetError, put_new_file,
    stream::{BlockingBody, open},
};
use lake_files::{Merge, MergeError, Merged, MonthError};
use lake_schema::{
    Table,
    layout::{FileKind, LakeFile},
};
use time::{Date, OffsetDateTime};
use tokio::{
    task::{JoinError, spawn_blocking},
    time::Instant,
};
use tracing::{Instrument, error, info, info_span};

use self::{
    ledger::{Closing, Phase, version_after},
    months::compact_months,
    plan::{DaysOfMonth, Steps, days_by_month, due_days, next_steps},
};
use crate::{
    Deps,
    stored::{DayState, Stored, StoredError},
};

pub(crate) use self::ledger::{Ledger, version_day};
pub use self::{ledger::LedgerError, plan::Policy};

/// For an object's first bytes, and for each piece of it.
const READ_LIMIT: Duration = Duration::from_secs(20);
/// For storing a closed day or month, a few gigabytes at most.
const WRITE_LIMIT: Duration = Duration::from_mins(5);

const PARQUET: &str = "application/vnd.apache.parquet";

/// What one run did. A month is named by its first day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Days whose file was written.
    pub merged: Vec<(Date, Merged)>,
    /// Months whose file was written.
    pub months: Vec<Date>,
    /// Days and months that could not be closed; the log says why, and the next run tries them again.
    pub failed: Vec<Date>,
    /// Days and months that there was no time for.
    pub put_off: Vec<Date>,
    /// Files that were deleted.
    pub removed_count: usize,
    /// Days and months that are being closed.
    pub closing_count: usize,
}

/// Why a day or a month cannot be closed now.
#[derive(Debug, thiserror::Error)]
enum CloseError {
    #[error(transparent)]
    Stored(#[from] StoredError),
    #[error("reading {key}")]
    Get { key: String, source: GetError },
    #[error("merging {key}")]
    Merge { key: String, source: MergeError },
    #[error("copying {key} into its month")]
    Month { key: String, source: MonthError },
    #[error("copying {key} to the disk")]
    Copy { key: String, source: io::Error },
    #[error("a disk to work on")]
    Disk(#[from] io::Error),
    #[error("the thread that reads and writes")]
    Thread(#[from] JoinError),
}

/// Brings every day of every table that is to be closed one step further, then every month, and begins no file after
/// `begin_until`.
///
/// # Errors
/// When the lake's state cannot be read or written. What was done until then is done, and the next run goes on from there.
pub async fn compact(deps: &Deps, begin_until: Instant) -> Result<Report, StoredError> {
    let mut report = Report::default();
    let mut days = Vec::new();
    for table in &deps.tables {
        let span = info_span!("table", table = table.name());
        days.push(
            compact_days(deps, table, begin_until, &mut report)
                .instrument(span)
                .await?,
        );
    }
    if deps.config.close_months {
        for (table, days) in deps.tables.iter().zip(&days) {
            let span = info_span!("table", table = table.name());
            compact_months(deps, table, days, begin_until, &mut report)
                .instrument(span)
                .await?;
        }
    }
    Ok(report)
}

/// Returns what months have of the days, as they were listed.
async fn compact_days(
    deps: &Deps,
    table: &Table,
    begin_until: Instant,
    report: &mut Report,
) -> Result<BTreeMap<Date, DaysOfMonth>, StoredError> {
    let stored = Stored::new(deps, table);
    let now = (deps.clock)();
    let policy = deps.config.policy;
    let (ledger, replaced) = stored.read_ledger(now - policy.settle).await?;
    let sizes = stored.list_files().await?;
    let files: Vec<LakeFile> = sizes.keys().copied().collect();
    let closed_at = read_closing_times(&stored, &files).await?;
    let due = due_days(&stored.table, &ledger, &files, &closed_at, now, policy);
    let steps = next_steps(&ledger, &files, due, now, policy.settle);
    let merge = steps.write.clone();
    let mut ledger = take_first_steps(&stored, ledger, &replaced, steps, report).await?;

    let mut has_changed = false;
    for day in merge {
        let Some(closing) = ledger.days.get_mut(&day) else {
            continue;
        };
        let known: Vec<LakeFile> = files
            .iter()
            .filter(|file| file.day == day && file.kind == FileKind::ClosedDay)
            .filter(|file| file.id != closing.output)
            .copied()
            .collect();
        if Instant::now() >= begin_until {
            report.put_off.push(day);
            continue;
        }
        let span = info_span!("day", day = %day, file_count = closing.inputs.len());
        match merge_day(deps, table, &stored, day, closing, &known)
            .instrument(span)
            .await
        {
            Ok(merged) => {
                (closing.phase, closing.since) = (Phase::Written, (deps.clock)());
                has_changed = true;
                report.merged.push((day, merged));
            }
            Err(error) => {
                error!(day = %day, error = %function_kit::chain(&error), "day cannot be closed now");
                report.failed.push(day);
            }
        }
    }
    if has_changed {
        // Once for all days, as queries read every version. A run that is cut off before finds its files there the next time.
        ledger.version = version_after(ledger.version, (deps.clock)().date());
        stored.write_ledger(&ledger).await?;
    }
    report.closing_count += ledger.days.len();
    Ok(days_by_month(&sizes, &ledger, deps.config.first_day))
}

/// Deletes what goes, and writes the ledger if it changes. Returns that which holds from then on.
///
/// Athena opens every object that it has listed, hidden or not, and fails when one is gone; it says of itself that files are not to
/// be deleted under a query (<https://docs.aws.amazon.com/athena/latest/ug/troubleshooting-athena.html>, "Incorrect fileSize").
/// So nothing goes that a query which still runs can have listed.
async fn take_first_steps(
    stored: &Stored,
    ledger: Ledger,
    replaced: &[String],
    steps: Steps,
    report: &mut Report,
) -> Result<Ledger, StoredError> {
    stored.delete_files(&steps.remove).await?;
    stored.delete_ledgers(replaced).await?;
    report.removed_count += steps.remove.len();
    let Some(next) = steps.ledger else {
        return Ok(ledger);
    };
    stored.write_ledger(&next).await?;
    Ok(next)
}

/// When the days with parts were closed last.
async fn read_closing_times(
    stored: &Stored,
    files: &[LakeFile],
) -> Result<BTreeMap<Date, OffsetDateTime>, StoredError> {
    let is_part = |file: &&LakeFile| matches!(file.kind, FileKind::Part { .. });
    let days: BTreeSet<Date> = files.iter().filter(is_part).map(|file| file.day).collect();
    let mut closed_at = BTreeMap::new();
    for day in days {
        if let (Some(state), _) = stored.read_day(day).await? {
            closed_at.insert(day, state.closed_at);
        }
    }
    Ok(closed_at)
}

async fn merge_day(
    deps: &Deps,
    table: &Table,
    stored: &Stored,
    day: Date,
    closing: &Closing,
    known: &[LakeFile],
) -> Result<Merged, CloseError> {
    let started = Instant::now();
    let (state, version) = stored.read_day(day).await?;
    let (mut parts, rows_before) = state
        .map(|state| (state.parts, state.row_count))
        .unwrap_or_default();

    let directory = tempfile::tempdir()?;
    let mut merge = Merge::new(
        table.clone(),
        directory.path().to_owned(),
        deps.config.column_bytes,
    );
    let mut inputs = Vec::new();
    for input in &closing.inputs {
        // A part that is in a closed file already, or filed under two days: it must not be in there twice.
        if parts.insert(input.id) {
            inputs.push(*input);
        }
    }
    for file in known {
        let key = file.key(&stored.table);
        merge = add(stored, key, merge, Merge::add_known).await?;
    }
    for input in inputs {
        let key = input.key(&stored.table);
        merge = add(stored, key, merge, Merge::add).await?;
    }

    let path = directory.path().join("day.parquet");
    let output = LakeFile {
        day,
        kind: FileKind::ClosedDay,
        id: closing.output,
    };
    let name = stored.object(output.key(&stored.table));
    let merged = spawn_blocking({
        let path = path.clone();
        move || {
            merge
                .finish(File::create(path)?, output.id)
                .map(|(_, merged)| merged)
        }
    })
    .await?
    .map_err(|source| CloseError::Merge {
        key: name.key.clone(),
        source,
    })?;
    put_new_file(&stored.s3, &name, &path, PARQUET, WRITE_LIMIT)
        .await
        .map_err(StoredError::from)?;
    let state = DayState {
        output: output.id,
        closed_at: (deps.clock)(),
        row_count: rows_before + merged.row_count,
        parts,
    };
    stored.write_day(day, &state, &version).await?;

    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    info!(
        row_count = merged.row_count,
        duplicate_count = merged.duplicate_count,
        duration_ms,
        "day merged"
    );
    Ok(merged)
}

/// Reads one file into the merge.
async fn add(
    stored: &Stored,
    key: String,
    mut merge: Merge,
    how: fn(&mut Merge, BlockingBody) -> Result<(), MergeError>,
) -> Result<Merge, CloseError> {
    let body = open_object(stored, &key).await?;
    let merged = spawn_blocking(move || how(&mut merge, body).map(|()| merge));
    merged
        .await?
        .map_err(|source| CloseError::Merge { key, source })
}

/// Copies an object to the disk, as Parquet is read from its end.
async fn fetch(stored: &Stored, key: &str) -> Result<File, CloseError> {
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

async fn open_object(stored: &Stored, key: &str) -> Result<BlockingBody, CloseError> {
    let name = stored.object(key.to_owned());
    let opened = open(&stored.s3, &name, READ_LIMIT).await;
    let body = opened.map_err(|source| CloseError::Get {
        key: name.key,
        source,
    })?;
    Ok(body.into_blocking(READ_LIMIT))
}
