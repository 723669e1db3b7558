//! Maintains the partitions and their indexes, and deletes expired rows.
//!
//! Nothing here blocks a reader or a loader for long: operations are concurrent where possible, and those that need a
//! lock on all of `email_events` wait at most two seconds for it, because later statements queue behind them. What does
//! not get its lock after some attempts is postponed until the next maintenance, and is in the report.

mod expiry;
mod merge;
mod metadata_index;
mod partition_index;
mod partitions;
mod provider_index;
mod unfolded_index;
mod widths;

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgConnection};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use crate::{
    MetadataKey, StoreError,
    error::{Step, code, has_code},
    operation::Operation,
};

pub use self::merge::{MergeReport, Merging};

/// The desired state of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// The time from which weeks are counted.
    pub now: OffsetDateTime,
    /// How long events are kept, in whole partitions; `None` keeps them forever.
    pub retention: Option<Duration>,
    /// How many weeks after the current one have a partition in advance. At most 8.
    pub partitions_ahead: u32,
    /// The metadata keys with an index; indexes on others are dropped.
    pub metadata_keys: Vec<MetadataKey>,
    /// Whether to remove what is no longer wanted: weeks and rejected events past the retention, indexes on other keys.
    /// Not while a deploy may be rolled back, because a dropped week cannot be restored.
    pub removes: bool,
}

/// The result of maintenance. Names are those of tables and indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many weeks ahead got a partition.
    pub partitions_created: usize,
    /// The dropped partitions past the retention.
    pub partitions_dropped: Vec<String>,
    /// Indexes that were built, one per partition.
    pub indexes_created: Vec<String>,
    /// Indexes on metadata keys that were dropped.
    pub indexes_dropped: Vec<String>,
    /// Deleted rows of `batches`.
    pub batches_deleted: u64,
    /// Deleted rows of `email_events_rejected`.
    pub rejected_deleted: u64,
    /// What could not get its lock and is postponed.
    pub postponed: Vec<String>,
}

/// How long to wait for another maintenance of the same database.
const BUSY_LIMIT: Duration = Duration::from_mins(1);

impl Operation for Maintenance {
    type Output = Report;

    async fn run(&self, connection: &mut PgConnection) -> Result<Report, StoreError> {
        wait_for_turn(connection).await?;
        let mut report = Report::default();
        partitions::create_ahead(connection, self, &mut report).await?;
        if self.removes {
            metadata_index::drop_unwanted(connection, self, &mut report).await?;
        }
        partitions::drop_expired(connection, self, &mut report).await?;
        expiry::delete_batches(connection, self, &mut report).await?;
        expiry::delete_rejected(connection, self, &mut report).await?;
        // Last, because indexes take longest, and are not needed on dropped partitions. The first is used by every
        // search by words or addresses.
        unfolded_index::create_missing(connection, &mut report).await?;
        provider_index::create_missing(connection, &mut report).await?;
        metadata_index::create_missing(connection, self, &mut report).await?;
        Ok(report)
    }
}

impl Maintenance {
    /// Events before this time are not kept.
    fn cutoff(&self) -> Option<OffsetDateTime> {
        let retention = self.retention.filter(|_| self.removes)?;
        let retention = retention.try_into().ok()?;
        self.now.checked_sub(retention)
    }
}

/// Acquires the maintenance lock, which ends with the connection.
async fn wait_for_turn(connection: &mut PgConnection) -> Result<(), StoreError> {
    let deadline = Instant::now() + BUSY_LIMIT;
    loop {
        let is_ours = sqlx::query_scalar!(
            r#"select pg_try_advisory_lock(hashtextextended('cistern.maintenance', 0)) as "is_ours!""#
        )
        .fetch_one(&mut *connection)
        .await
        .step("taking the lock of maintenance")?;
        if is_ours {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(StoreError::MaintenanceBusy { limit: BUSY_LIMIT });
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Whether a statement that needs a lock was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ddl {
    Done,
    /// Its locks were not available.
    Postponed,
}

/// How often a statement tries to get its locks, and the pause in between, in which others can run.
const LOCK_TRIES: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_secs(1);

/// Runs a DDL statement with retries. Its text consists of names and literals of a safe alphabet.
async fn define(
    connection: &mut PgConnection,
    sql: &str,
    step: &'static str,
) -> Result<Ddl, StoreError> {
    for _ in 1..LOCK_TRIES {
        if define_once(connection, sql, step).await? == Ddl::Done {
            return Ok(Ddl::Done);
        }
        sleep(LOCK_PAUSE).await;
    }
    define_once(connection, sql, step).await
}

async fn define_once(
    connection: &mut PgConnection,
    sql: &str,
    step: &'static str,
) -> Result<Ddl, StoreError> {
    match sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await {
        Ok(_) => Ok(Ddl::Done),
        Err(error) if is_contention(&error) => Ok(Ddl::Postponed),
        Err(error) => Err(error).step(step),
    }
}

/// A catalog name, quoted for a statement.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn is_contention(error: &sqlx::Error) -> bool {
    [
        code::LOCK_NOT_AVAILABLE,
        code::OBJECT_IN_USE,
        code::DEADLOCK_DETECTED,
    ]
    .iter()
    .any(|code| has_code(error, code))
}
