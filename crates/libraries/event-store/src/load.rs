//! Loads one batch, so that each event is stored once however often the batch comes.
//!
//! A row in `batches`, written first and in the same transaction, makes a second load of the batch a short look; a
//! second loader that comes meanwhile waits at that row. The events are sorted and copied straight into the table: nearly
//! always all are new. If not, or if Postgres does not take one of them, the transaction is undone and done again the
//! careful way, which costs a half more. Rows are written in the order of their keys either way, so that loaders of the
//! same events wait for one another and never in a circle.

mod batches;
mod binary;
mod careful;
mod copy;
mod rejections;
mod straight;

use event_model::{
    BatchKey, Timestamp,
    sparkpost::{Batch, Event},
};
use sqlx::{Connection, PgConnection, PgTransaction};

use self::{
    batches::{Counts, is_loaded},
    rejections::Rejections,
};
use crate::{
    StoreError,
    error::Step,
    operation::Operation,
    partition::{KnownPartitions, Partition, Refusal, Span, ensure_partition, list_partitions},
};

pub use self::binary::copy_file;

/// How many transactions a batch may take: one, as a rule; two with care; more only if partitions are removed under it.
const MAX_TRANSACTIONS: u32 = 6;

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadOutcome {
    /// The batch was loaded by this call. The three numbers add up to the events received.
    Loaded {
        /// Events that became a row.
        inserted: u64,
        /// Events that were there already, from another batch or twice in this one.
        duplicate: u64,
        /// Events that were put into `email_events_rejected`.
        rejected: u64,
    },
    /// The batch had been loaded before; nothing was written.
    AlreadyLoaded,
}

/// Whether a batch is loaded.
pub(crate) struct IsLoaded<'a>(pub(crate) &'a BatchKey);

/// Loads a batch.
pub(crate) struct Load<'a> {
    key: &'a BatchKey,
    batch: &'a Batch<'a>,
    known_partitions: &'a KnownPartitions,
    sorted: Vec<&'a Event<'a>>,
}

/// How rows are written.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Straight,
    Careful,
}

/// Why a transaction was undone, to be done again.
#[derive(Clone, Copy, Debug)]
enum Obstacle {
    /// There is no partition for one of the rows.
    PartitionMissing,
    /// Some rows are in the table already, or cannot be. It takes care to tell which.
    SomeRows,
}

impl Operation for IsLoaded<'_> {
    type Output = bool;

    async fn run(&self, connection: &mut PgConnection) -> Result<bool, StoreError> {
        is_loaded(connection, self.0).await
    }
}

impl Operation for Load<'_> {
    type Output = LoadOutcome;

    async fn run(&self, connection: &mut PgConnection) -> Result<LoadOutcome, StoreError> {
        let mut manner = Manner::Straight;
        for _ in 0..MAX_TRANSACTIONS {
            let missing = self.times_without_partition();
            // A batch that comes again after years must not bring back the weeks that retention has dropped.
            if !missing.is_empty() && is_loaded(connection, self.key).await? {
                return Ok(LoadOutcome::AlreadyLoaded);
            }
            let refused = self.find_partitions(connection, missing).await?;
            match self.attempt(connection, &refused, manner).await? {
                Ok(outcome) => return Ok(outcome),
                Err(Obstacle::PartitionMissing) => self.known_partitions.clear(),
                Err(Obstacle::SomeRows) => manner = Manner::Careful,
            }
        }
        Err(StoreError::WeekRemoved)
    }
}

impl<'a> Load<'a> {
    pub(crate) fn new(
        key: &'a BatchKey,
        batch: &'a Batch<'a>,
        known_partitions: &'a KnownPartitions,
    ) -> Self {
        Self {
            key,
            batch,
            known_partitions,
            sorted: binary::sorted(batch),
        }
    }

    /// The times of the events for which no partition was seen yet.
    fn times_without_partition(&self) -> Vec<Timestamp> {
        let times = self.sorted.iter().map(|event| event.timestamp);
        self.known_partitions.missing(times)
    }

    /// Sees to it that times have a partition; returns the spans of those that there can be none for.
    ///
    /// One answer holds for a whole span, so that a batch of a thousand different weeks asks as many questions as there
    /// are partitions to make, and not one for each week.
    async fn find_partitions(
        &self,
        connection: &mut PgConnection,
        mut missing: Vec<Timestamp>,
    ) -> Result<Vec<(Span, Refusal)>, StoreError> {
        let mut refused = Vec::new();
        if !missing.is_empty() {
            self.known_partitions
                .replace(list_partitions(connection).await?);
            missing = self.times_without_partition();
        }
        while let Some(at) = missing.first().copied() {
            let span = match ensure_partition(connection, at.to_time()).await? {
                Partition::Created(span) | Partition::Exists(span) => {
                    self.known_partitions.add(span);
                    span
                }
                Partition::Refused(span, refusal) => {
                    refused.push((span, refusal));
                    span
                }
            };
            missing.retain(|time| *time != at && !span.contains(*time));
        }
        Ok(refused)
    }

    /// One transaction, from the row in `batches` to the commit.
    async fn attempt(
        &self,
        connection: &mut PgConnection,
        refused: &[(Span, Refusal)],
        manner: Manner,
    ) -> Result<Result<LoadOutcome, Obstacle>, StoreError> {
        let mut transaction = connection.begin().await.step("beginning the batch")?;
        let expected = Counts::expected(self.batch);
        if !expected.announce(&mut transaction, self.key).await? {
            undo(transaction).await?;
            return Ok(Ok(LoadOutcome::AlreadyLoaded));
        }

        let mut rejections = Rejections::of_parser(&self.batch.rejected);
        let rows = rejections.set_apart(&self.sorted, refused);
        let written = match manner {
            Manner::Straight => straight::write(&mut transaction, &rows).await?,
            Manner::Careful => careful::write(&mut transaction, &rows, &mut rejections).await?,
        };
        let inserted = match written {
            Ok(inserted) => inserted,
            Err(obstacle) => {
                undo(transaction).await?;
                return Ok(Err(obstacle));
            }
        };

        rejections.insert(&mut transaction, self.key).await?;
        let counts = expected.turned_out(inserted, rejections.len());
        if counts != expected {
            counts.correct(&mut transaction, self.key).await?;
        }
        transaction.commit().await.step("committing the batch")?;
        Ok(Ok(counts.outcome()))
    }
}

async fn undo(transaction: PgTransaction<'_>) -> Result<(), StoreError> {
    transaction.rollback().await.step("undoing the batch")
}
