//! Compaction days: many parts to one file, while queries go on. And months, when they are asked for.

mod close;
mod days;
mod manifest;
mod months;
mod plan;
mod rebuild;
mod set_aside;

use std::io;

use aws_io::s3::GetError;
use function_kit::BoxError;
use lake_files::{MergeError, Merged, MonthError, ReadError};
use lake_schema::Table;
use time::Date;
use tokio::{task::JoinError, time::Instant};
use tracing::{Instrument, error, info_span};

use self::{days::compact_days, months::compact_months, plan::Steps, set_aside::Reason};
use crate::{
    Deps,
    lake_store::{LakeStore, LakeStoreError},
};

pub(crate) use self::manifest::{Manifest, version_day};
pub use self::plan::Policy;

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
    /// Tables of which nothing could be done any more; the log says why.
    pub failed_tables: Vec<String>,
}

/// Why a day, a month or a table cannot be compacted now.
#[derive(Debug, thiserror::Error)]
enum CloseError {
    #[error(transparent)]
    LakeStore(#[from] LakeStoreError),
    #[error("reading {key}")]
    Get { key: String, source: GetError },
    #[error("merging {key}")]
    Merge { key: String, source: MergeError },
    #[error("copying {key} into its month")]
    Month { key: String, source: MonthError },
    #[error("copying {key} to the disk")]
    Copy { key: String, source: io::Error },
    #[error("setting {key} aside")]
    SetAside { key: String, source: BoxError },
    #[error("the memory has no room for the rows of {key}; raise the function's MemorySize")]
    TooManyRows { key: String },
    #[error("a disk to work on")]
    Disk(#[from] io::Error),
    #[error("the thread that reads and writes")]
    Thread(#[from] JoinError),
}

impl From<&ReadError> for Reason {
    fn from(error: &ReadError) -> Self {
        Self {
            code: error.reason(),
            detail: function_kit::chain(error).to_string(),
        }
    }
}

/// Brings every day of every table that is to be closed one step further, then every month, and begins no file after
/// `begin_until`. What fails of a table costs no other: the report names it, and the next run goes on from there.
pub async fn compact(deps: &Deps, begin_until: Instant) -> Report {
    let mut report = Report::default();
    let mut days = Vec::new();
    for table in &deps.tables {
        let span = info_span!("table", table = table.name());
        let compacted = compact_days(deps, table, begin_until, &mut report)
            .instrument(span)
            .await;
        days.push(note(compacted, table, &mut report));
    }
    if deps.config.close_months {
        for (table, days) in deps.tables.iter().zip(&days) {
            let Some(days) = days else {
                continue;
            };
            let span = info_span!("table", table = table.name());
            let compacted = compact_months(deps, table, days, begin_until, &mut report)
                .instrument(span)
                .await;
            note(compacted, &table.closed_months(), &mut report);
        }
    }
    report
}

/// Notes a table down that failed.
fn note<T>(compacted: Result<T, CloseError>, table: &Table, report: &mut Report) -> Option<T> {
    match compacted {
        Ok(done) => Some(done),
        Err(error) => {
            let error = function_kit::chain(&error);
            error!(table = table.name(), error = %error, "table cannot be compacted now");
            report.failed_tables.push(table.name().to_owned());
            None
        }
    }
}

/// Deletes what goes, and writes the manifest if it changes. Returns that which holds from then on.
///
/// Athena opens every object that it has listed, hidden or not, and fails when one is gone; it says of itself that files are not to
/// be deleted under a query (<https://docs.aws.amazon.com/athena/latest/ug/troubleshooting-athena.html>, "Incorrect fileSize").
/// So nothing goes that a query which still runs can have listed.
async fn take_first_steps(
    stored: &LakeStore,
    manifest: Manifest,
    replaced: &[String],
    steps: Steps,
    report: &mut Report,
) -> Result<Manifest, LakeStoreError> {
    stored.delete_files(&steps.remove).await?;
    stored.delete_manifests(replaced).await?;
    report.removed_count += steps.remove.len();
    let Some(next) = steps.manifest else {
        return Ok(manifest);
    };
    stored.write_manifest(&next).await?;
    Ok(next)
}
