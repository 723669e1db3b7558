//! Loads one batch, so that each event is stored once however often the batch comes.
//!
//! A row in `batches`, written first and in the same transaction, makes a second load of the batch a short look; a
//! second loader that comes meanwhile waits at that row. The events are sorted and copied straight into the table.
//! Only if some are there already is the copy undone and done again by way of a staging table, which costs a half more.
//! Rows are written in the order of their keys either way, so that loaders of the same events wait for one another and
//! never in a circle.

mod batches;
mod copy;
mod piece;
mod rejections;

use event_model::{
    BatchKey,
    sparkpost::{Batch, Event},
};
use sqlx::{Connection, PgConnection};

use self::{
    batches::{Counts, is_loaded},
    piece::{Fate, store_piece},
    rejections::Rejections,
};
use crate::{
    StoreError,
    error::Step,
    operation::Operation,
    week::{KnownWeeks, Partition, Week, ensure_partition},
};

/// How often a batch starts over because a week was removed under it.
const MAX_RESTARTS: u32 = 5;

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadOutcome {
    /// The batch was loaded by this call. The three numbers add up to the events received.
    Loaded {
        /// Events that became a row.
        inserted: u64,
        /// Events that were there already, from another batch or twice in this one.
        duplicate: u64,
        /// Events that were put into `events_rejected`.
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
    known_weeks: &'a KnownWeeks,
    /// By time, key and place in the batch: the order in which rows are written.
    sorted: Vec<&'a Event<'a>>,
}

/// What one transaction came to.
enum Attempt {
    Finished(LoadOutcome),
    WeekMissing,
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
        if is_loaded(connection, self.key).await? {
            return Ok(LoadOutcome::AlreadyLoaded);
        }
        for _ in 0..=MAX_RESTARTS {
            let refused = self.ensure_weeks(connection).await?;
            match self.attempt(connection, &refused).await? {
                Attempt::Finished(outcome) => return Ok(outcome),
                Attempt::WeekMissing => self.known_weeks.clear(),
            }
        }
        Err(StoreError::WeekRemoved)
    }
}

impl<'a> Load<'a> {
    pub(crate) fn new(
        key: &'a BatchKey,
        batch: &'a Batch<'a>,
        known_weeks: &'a KnownWeeks,
    ) -> Self {
        let mut sorted: Vec<_> = batch.events.iter().collect();
        sorted.sort_unstable_by_key(|event| (event.timestamp, event.key, event.ordinal));
        Self {
            key,
            batch,
            known_weeks,
            sorted,
        }
    }

    /// Sees to it that there is a partition for each event; returns the weeks that there can be none for.
    async fn ensure_weeks(&self, connection: &mut PgConnection) -> Result<Vec<Week>, StoreError> {
        let mut weeks: Vec<_> = self
            .sorted
            .iter()
            .map(|event| Week::of(event.timestamp))
            .collect();
        weeks.dedup();
        let mut refused = Vec::new();
        for week in weeks {
            if self.known_weeks.contains(week) {
                continue;
            }
            match ensure_partition(connection, week).await? {
                Partition::Created | Partition::Exists => self.known_weeks.add(week),
                Partition::Refused => refused.push(week),
            }
        }
        Ok(refused)
    }

    /// One transaction, from the row in `batches` to the commit.
    async fn attempt(
        &self,
        connection: &mut PgConnection,
        refused: &[Week],
    ) -> Result<Attempt, StoreError> {
        let mut transaction = connection.begin().await.step("beginning the batch")?;
        let expected = Counts::expected(self.batch);
        if !expected.announce(&mut transaction, self.key).await? {
            transaction
                .rollback()
                .await
                .step("leaving a batch that is loaded")?;
            return Ok(Attempt::Finished(LoadOutcome::AlreadyLoaded));
        }

        let mut rejections = Rejections::of_parser(&self.batch.rejected);
        let (unplaced, loadable): (Vec<&Event<'_>>, Vec<&Event<'_>>) = self
            .sorted
            .iter()
            .copied()
            .partition(|event| refused.contains(&Week::of(event.timestamp)));
        for event in unplaced {
            rejections.add(event, "`timestamp` is outside of the range that is stored");
        }

        let mut inserted = 0;
        let mut pieces = vec![loadable.as_slice()];
        while let Some(piece) = pieces.pop() {
            match (store_piece(&mut transaction, piece).await?, piece) {
                (Fate::Stored { rows }, _) => inserted += rows,
                (Fate::WeekMissing, _) => {
                    transaction
                        .rollback()
                        .await
                        .step("leaving a batch without its week")?;
                    return Ok(Attempt::WeekMissing);
                }
                (Fate::Unusable { reason }, [event]) => rejections.add(event, &reason),
                (Fate::Unusable { .. }, _) => {
                    // The first half first, so that rows go on being written in the order of their keys.
                    let (first, second) = piece.split_at(piece.len() / 2);
                    pieces.extend([second, first]);
                }
            }
        }

        rejections.insert(&mut transaction, self.key).await?;
        let counts = expected.turned_out(inserted, rejections.len());
        if counts != expected {
            counts.correct(&mut transaction, self.key).await?;
        }
        transaction.commit().await.step("committing the batch")?;
        Ok(Attempt::Finished(counts.outcome()))
    }
}
