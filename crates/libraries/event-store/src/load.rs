//! Loads one batch, so that each event is stored once, however often the batch is delivered.
//!
//! A row in `batches`, written first and in the same transaction, makes a repeated load a short lookup; a concurrent
//! loader of the same batch waits at that row. The events are sorted and copied directly into the table: nearly always
//! all are new. If not, or if Postgres refuses one of them, the transaction is rolled back and repeated as a staged
//! merge, which costs 50% more. In both cases rows are written in the order of their keys, so that loaders of the same
//! events wait for one another without a deadlock.

mod batches;
mod binary;
mod copy;
mod direct_copy;
mod rejections;
mod staged_merge;

use event_model::{
    BatchKey, Counts, Timestamp,
    sparkpost::{Batch, Event},
};
use sqlx::{Connection, PgConnection, PgTransaction};

use self::{
    batches::{BatchRow, is_loaded},
    rejections::Rejections,
};
use crate::{
    StoreError,
    error::Step,
    operation::Operation,
    partition::{KnownPartitions, Partition, Refusal, Span, ensure_partition, list_partitions},
};

pub use self::binary::copy_file;

/// The most transactions for a batch: usually one; two with a staged merge; more only if partitions are removed
/// meanwhile.
const MAX_TRANSACTIONS: u32 = 6;

/// The outcome of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadOutcome {
    /// The batch was loaded by this call. Rejected events are in `email_events_rejected`.
    Loaded(Counts),
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
enum LoadPath {
    DirectCopy,
    StagedMerge,
}

/// The result of one transaction, or of a part of it.
#[derive(Clone, Copy, Debug)]
enum Attempt<T> {
    Done(T),
    /// The transaction has to be rolled back and repeated.
    Retry(RetryCause),
}

/// Why a transaction is repeated.
#[derive(Clone, Copy, Debug)]
enum RetryCause {
    /// One of the rows has no partition.
    PartitionMissing,
    /// Some rows are in the table already, or Postgres refuses them. A staged merge determines which.
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
        let mut path = LoadPath::DirectCopy;
        for _ in 0..MAX_TRANSACTIONS {
            let missing = self.times_without_partition();
            // A batch that is delivered again after years must not recreate partitions that retention has dropped.
            if !missing.is_empty() && is_loaded(connection, self.key).await? {
                return Ok(LoadOutcome::AlreadyLoaded);
            }
            let refused = self.find_partitions(connection, missing).await?;
            match self.attempt(connection, &refused, path).await? {
                Attempt::Done(outcome) => return Ok(outcome),
                Attempt::Retry(RetryCause::PartitionMissing) => self.known_partitions.clear(),
                Attempt::Retry(RetryCause::SomeRows) => path = LoadPath::StagedMerge,
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

    /// The times of events whose partition is not known to exist.
    fn times_without_partition(&self) -> Vec<Timestamp> {
        let times = self.sorted.iter().map(|event| event.timestamp);
        self.known_partitions.missing(times)
    }

    /// Creates the missing partitions of these times; returns the spans that cannot have one.
    ///
    /// A result is valid for a whole span, so a batch of a thousand different weeks needs one statement for each
    /// partition to create, and not one for each week.
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
        path: LoadPath,
    ) -> Result<Attempt<LoadOutcome>, StoreError> {
        let mut transaction = connection.begin().await.step("beginning the batch")?;
        let expected = BatchRow::expected(self.batch);
        if !expected.announce(&mut transaction, self.key).await? {
            undo(transaction).await?;
            return Ok(Attempt::Done(LoadOutcome::AlreadyLoaded));
        }

        let mut rejections = Rejections::of_parser(&self.batch.rejected);
        let rows = rejections.set_apart(&self.sorted, refused);
        let written = match path {
            LoadPath::DirectCopy => direct_copy::write(&mut transaction, &rows).await?,
            LoadPath::StagedMerge => {
                staged_merge::write(&mut transaction, &rows, &mut rejections).await?
            }
        };
        let inserted = match written {
            Attempt::Done(inserted) => inserted,
            Attempt::Retry(cause) => {
                undo(transaction).await?;
                return Ok(Attempt::Retry(cause));
            }
        };

        rejections.insert(&mut transaction, self.key).await?;
        let counts = expected.turned_out(inserted, rejections.len());
        if counts != expected {
            counts.correct(&mut transaction, self.key).await?;
        }
        transaction.commit().await.step("committing the batch")?;
        Ok(Attempt::Done(LoadOutcome::Loaded(counts.outcome())))
    }
}

async fn undo(transaction: PgTransaction<'_>) -> Result<(), StoreError> {
    transaction.rollback().await.step("undoing the batch")
}
