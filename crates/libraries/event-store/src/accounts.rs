//! What became of what was received: rejected items, and the sums of days.

use std::fmt;

use event_model::Timestamp;
use event_query::Statement;
use sqlx::{PgConnection, Row, postgres::PgRow};
use time::OffsetDateTime;

use crate::{
    StoreError,
    error::Step,
    operation::Operation,
    read::{bound, read_count},
};

/// A rejected email event.
#[derive(Clone, PartialEq, Eq)]
pub struct RejectedEvent {
    /// When it was rejected.
    pub rejected_at: Timestamp,
    /// Its batch.
    pub batch_key: String,
    /// Its place in the batch, from 0.
    pub ordinal: i32,
    /// Why, naming the field.
    pub reason: String,
    /// How many bytes of it are stored.
    pub size_bytes: u64,
    /// The first of them.
    pub item: Vec<u8>,
}

// The item is full of addresses: a debug line must not carry it.
impl fmt::Debug for RejectedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RejectedEvent")
            .field("batch_key", &self.batch_key)
            .field("ordinal", &self.ordinal)
            .finish_non_exhaustive()
    }
}

/// What was loaded on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaySums {
    /// The day, `YYYY-MM-DD`.
    pub day: String,
    /// Batches.
    pub batches: u64,
    /// Items that they held.
    pub received: u64,
    /// Events that became rows.
    pub stored: u64,
    /// Items that could not be stored.
    pub rejected: u64,
    /// Items of erased people, which were left out.
    pub erased: u64,
    /// When the last batch was loaded.
    pub last_loaded_at: Option<Timestamp>,
}

pub(crate) struct FetchRejected<'a>(pub(crate) &'a Statement);

pub(crate) struct FetchSums<'a>(pub(crate) &'a Statement);

/// The time of the newest event, not of what came in last.
pub(crate) struct NewestEvent;

impl Operation for FetchRejected<'_> {
    type Output = Vec<RejectedEvent>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Vec<RejectedEvent>, StoreError> {
        const STEP: &str = "fetching rejected events";

        let rows = bound(self.0).fetch_all(connection).await.step(STEP)?;
        let read = |row: &PgRow| {
            let size: i32 = row.try_get(4).step(STEP)?;
            Ok(RejectedEvent {
                rejected_at: Timestamp::from_time(row.try_get::<OffsetDateTime, _>(0).step(STEP)?),
                batch_key: row.try_get(1).step(STEP)?,
                ordinal: row.try_get(2).step(STEP)?,
                reason: row.try_get(3).step(STEP)?,
                size_bytes: size.unsigned_abs().into(),
                item: row.try_get(5).step(STEP)?,
            })
        };
        rows.iter().map(read).collect()
    }
}

impl Operation for FetchSums<'_> {
    type Output = Vec<DaySums>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Vec<DaySums>, StoreError> {
        const STEP: &str = "summing up batches";

        let rows = bound(self.0).fetch_all(connection).await.step(STEP)?;
        let read = |row: &PgRow| {
            let last: Option<OffsetDateTime> = row.try_get(6).step(STEP)?;
            Ok(DaySums {
                day: row.try_get(0).step(STEP)?,
                batches: read_count(row, 1, STEP)?,
                received: read_count(row, 2, STEP)?,
                stored: read_count(row, 3, STEP)?,
                rejected: read_count(row, 4, STEP)?,
                erased: read_count(row, 5, STEP)?,
                last_loaded_at: last.map(Timestamp::from_time),
            })
        };
        rows.iter().map(read).collect()
    }
}

impl Operation for NewestEvent {
    type Output = Option<Timestamp>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Option<Timestamp>, StoreError> {
        let newest: Option<OffsetDateTime> =
            sqlx::query_scalar("select ts from email_events order by ts desc limit 1")
                .fetch_optional(connection)
                .await
                .step("looking for the newest event")?;
        Ok(newest.map(Timestamp::from_time))
    }
}
