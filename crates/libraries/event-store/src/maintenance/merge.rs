//! Merges partitions that receive hardly any events.
//!
//! Rows are copied into a new table, in steps of one transaction each, and the copy then replaces its sources; readers
//! and loaders wait for that last step only. The progress is read from the catalog before each step, so an interrupted
//! merge continues where it stopped. At most one is finished per run.

mod choice;
mod state;

use std::time::Duration;

use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use self::{
    choice::choose,
    state::{Next, State, parts, running},
};
use super::{Ddl, define, define_once, quoted, widths::Widths};
use crate::{StoreError, error::Step, operation::Operation};

/// The most bytes of sources copied in one run, at least one source.
///
/// A merge needs as much free disk as it copies until it drops its sources. Storage autoscaling (RDS: at a tenth left,
/// at most every six hours) keeps up with this much per day.
const BYTES_PER_RUN: u64 = 1 << 30;

const STEP: &str = "merging partitions";
/// The SQLSTATE for a full disk. Loading comes first then.
const DISK_FULL: &str = "53100";

/// How many recorded changes one step applies to the target.
const CHANGES_PER_STEP: i32 = 10_000;

/// What may be merged, and the time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merging {
    /// The current time, from which the age of partitions is computed.
    pub now: OffsetDateTime,
    /// How long events are kept, as in [`Maintenance`](super::Maintenance): it limits the width of partitions.
    pub retention: Option<Duration>,
    /// After this time no step starts, and a running one is not awaited: Postgres completes it, and the next run
    /// continues from there.
    pub time: Duration,
}

/// The progress of merging. Names are those of partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergeReport {
    /// The partition that replaced others.
    pub merged: Option<String>,
    /// The partition being filled; the next run continues with it.
    pub unfinished: Option<String>,
}

impl Operation for Merging {
    type Output = MergeReport;

    async fn run(&self, connection: &mut PgConnection) -> Result<MergeReport, StoreError> {
        let mut report = MergeReport::default();
        // A step that outlived its run holds it too; then this run has nothing to do.
        if !is_our_turn(connection).await? {
            report.unfinished = running(connection).await?.map(|state| state.target);
            return Ok(report);
        }
        let deadline = Instant::now() + self.time;
        let mut bytes_left = BYTES_PER_RUN;
        loop {
            let Some(state) = running(connection).await? else {
                if report.merged.is_some() || Instant::now() >= deadline {
                    return Ok(report);
                }
                let widths = Widths::at(self.now, self.retention);
                let Some(range) = choose(&parts(connection).await?, widths) else {
                    return Ok(report);
                };
                let begin = format!("select merge_begin('{}', '{}')", range.start, range.end);
                if define(connection, &begin, "beginning a merge").await? == Ddl::Postponed {
                    return Ok(report);
                }
                continue;
            };
            report.unfinished = Some(state.target.clone());
            let next = state.next();
            if Instant::now() >= deadline || !takes(&mut bytes_left, &next) {
                return Ok(report);
            }
            match timeout_at(deadline, perform(connection, &state, &next)).await {
                Ok(Err(error)) if error.sqlstate().as_deref() == Some(DISK_FULL) => {
                    warn!(
                        partition = state.target,
                        "merge given up, as the disk is full"
                    );
                    define(connection, "select merge_abandon()", STEP).await?;
                    report.unfinished = None;
                    return Ok(report);
                }
                Ok(Err(error)) => return Err(error),
                // Out of time: the step continues in Postgres, and its connection is not used again. Or its locks were
                // not available in time.
                Err(_) | Ok(Ok(Ddl::Postponed)) => return Ok(report),
                Ok(Ok(Ddl::Done)) => {}
            }
            if next == Next::Swap {
                info!(partition = state.target, "partitions merged");
                report = MergeReport {
                    merged: Some(state.target),
                    unfinished: None,
                };
            } else if next == Next::Abandon {
                report.unfinished = None;
                return Ok(report);
            }
        }
    }
}

/// Acquires the merge lock, which ends with the connection. It is separate from the maintenance lock: a long step must
/// not delay a deployment.
async fn is_our_turn(connection: &mut PgConnection) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"select pg_try_advisory_lock(hashtextextended('cistern.merging', 0)) as "is_ours!""#
    )
    .fetch_one(connection)
    .await
    .step("taking the lock of merging")
}

/// Whether the byte limit allows the step. The first copy of a run is always allowed, or a merge might never end.
fn takes(bytes_left: &mut u64, next: &Next) -> bool {
    let Next::Copy { bytes, .. } = next else {
        return true;
    };
    let is_first = *bytes_left == BYTES_PER_RUN;
    if *bytes > *bytes_left && !is_first {
        return false;
    }
    *bytes_left = bytes_left.saturating_sub(*bytes).min(BYTES_PER_RUN - 1);
    true
}

/// Runs one step as one message to Postgres, which completes it even if the client stops waiting.
async fn perform(
    connection: &mut PgConnection,
    state: &State,
    next: &Next,
) -> Result<Ddl, StoreError> {
    let target = quoted(&state.target);
    match next {
        Next::Watch { source } => {
            let sql = format!("select merge_watch({})", literal(source));
            define(connection, &sql, STEP).await
        }
        Next::Copy { source, .. } => {
            let sql = format!("select merge_copy({})", literal(source));
            if define(connection, &sql, STEP).await? == Ddl::Postponed {
                return Ok(Ddl::Postponed);
            }
            // The first reader of copied rows sets hint bits, which writes a full page image to the log if a checkpoint
            // has passed. Directly after the copy hardly any are needed.
            let sql = format!("vacuum (freeze) {target}");
            define_once(connection, &sql, STEP).await?;
            Ok(Ddl::Done)
        }
        Next::Index => define(connection, "select merge_index()", STEP).await,
        Next::Finish => {
            let sql = format!("vacuum (freeze, analyze) {target}");
            if define(connection, &sql, STEP).await? == Ddl::Postponed {
                return Ok(Ddl::Postponed);
            }
            let sql = "update merging set is_finished = true";
            define_once(connection, sql, STEP).await
        }
        Next::Apply => {
            let sql = format!("select merge_apply({CHANGES_PER_STEP})");
            define(connection, &sql, STEP).await
        }
        Next::Swap => define(connection, "select merge_swap()", STEP).await,
        Next::Abandon => define(connection, "select merge_abandon()", STEP).await,
    }
}

/// A text, quoted for a statement. Names of partitions have a safe alphabet, unless they were created manually.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
