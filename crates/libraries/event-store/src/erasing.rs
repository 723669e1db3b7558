//! Finds and removes what is one person's.

use event_model::{EventKey, Timestamp};
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{EventRow, StoreError, error::Step, operation::Operation};

/// Which events may be a person's: those whose text has one of the patterns. The caller decides.
#[derive(Clone, Debug)]
pub struct Candidates {
    /// Events from this time on.
    pub from: OffsetDateTime,
    /// Events before this time.
    pub to: OffsetDateTime,
    /// After this event, in the order of time and key.
    pub after: (OffsetDateTime, EventKey),
    /// Patterns of `ilike` for the whole event.
    pub in_event: Vec<String>,
    /// Patterns of `ilike` for what the sender said of the recipient.
    pub in_meta: Vec<String>,
    /// How many are returned.
    pub limit: i64,
}

/// A row of `email_events_rejected`.
#[derive(Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// Its batch.
    pub batch_key: String,
    /// Its place in the batch.
    pub ordinal: i32,
    /// The item, or its beginning.
    pub raw: Vec<u8>,
}

// The item is full of addresses.
impl std::fmt::Debug for RejectedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RejectedRow")
            .field("batch_key", &self.batch_key)
            .field("ordinal", &self.ordinal)
            .finish_non_exhaustive()
    }
}

/// The time of the first event from a time on.
pub(crate) struct NextTime(pub(crate) OffsetDateTime);

pub(crate) struct FindCandidates<'a>(pub(crate) &'a Candidates);

pub(crate) struct EraseEvents<'a>(pub(crate) &'a [(Timestamp, EventKey)]);

/// Rejected rows after this one, in the order of their keys.
pub(crate) struct ReadRejected<'a>(pub(crate) &'a str, pub(crate) i32, pub(crate) i64);

pub(crate) struct EraseRejected<'a>(pub(crate) &'a [(String, i32)]);

const CANDIDATES: &str = "
select ts, event_key, event::text
from email_events
where ts >= $1 and ts < $2 and (ts, event_key) > ($3, $4)
  and (event::text ilike any($5) or (event->'rcpt_meta')::text ilike any($6))
order by ts, event_key
limit $7";

const ERASE_EVENTS: &str = "
delete from email_events
using unnest($1::timestamptz[], $2::uuid[]) as erased (ts, event_key)
where email_events.ts = erased.ts and email_events.event_key = erased.event_key
  and email_events.ts >= $3 and email_events.ts <= $4";

const REJECTED: &str = "
select batch_key, ordinal, raw
from email_events_rejected
where (batch_key, ordinal) > ($1, $2)
order by batch_key, ordinal
limit $3";

const ERASE_REJECTED: &str = "
delete from email_events_rejected
using unnest($1::text[], $2::integer[]) as erased (batch_key, ordinal)
where email_events_rejected.batch_key = erased.batch_key and email_events_rejected.ordinal = erased.ordinal";

impl Operation for NextTime {
    type Output = Option<OffsetDateTime>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Self::Output, StoreError> {
        sqlx::query_scalar("select ts from email_events where ts >= $1 order by ts limit 1")
            .bind(self.0)
            .fetch_optional(connection)
            .await
            .step("looking for the next event")
    }
}

impl Operation for FindCandidates<'_> {
    type Output = Vec<EventRow>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Self::Output, StoreError> {
        const STEP: &str = "looking for events of a person";

        let wanted = self.0;
        let rows = sqlx::query(CANDIDATES)
            .bind(wanted.from)
            .bind(wanted.to)
            .bind(wanted.after.0)
            .bind(Uuid::from_u128(wanted.after.1.as_u128()))
            .bind(&wanted.in_event)
            .bind(&wanted.in_meta)
            .bind(wanted.limit)
            .persistent(false)
            .fetch_all(connection)
            .await
            .step(STEP)?;
        let read = |row: &sqlx::postgres::PgRow| {
            let key: Uuid = row.try_get(1).step(STEP)?;
            Ok(EventRow {
                ts: Timestamp::from_time(row.try_get(0).step(STEP)?),
                event_key: EventKey::from_u128(key.as_u128()),
                event: row.try_get(2).step(STEP)?,
            })
        };
        rows.iter().map(read).collect()
    }
}

impl Operation for EraseEvents<'_> {
    type Output = u64;

    async fn run(&self, connection: &mut PgConnection) -> Result<u64, StoreError> {
        let times: Vec<OffsetDateTime> = self.0.iter().map(|(ts, _)| ts.to_time()).collect();
        let keys: Vec<Uuid> = self
            .0
            .iter()
            .map(|(_, key)| Uuid::from_u128(key.as_u128()))
            .collect();
        let (Some(first), Some(last)) = (times.iter().min().copied(), times.iter().max().copied())
        else {
            return Ok(0);
        };
        let done = sqlx::query(ERASE_EVENTS)
            .bind(times)
            .bind(keys)
            // So that only their partitions are looked at.
            .bind(first)
            .bind(last)
            .persistent(false)
            .execute(connection)
            .await
            .step("erasing events")?;
        Ok(done.rows_affected())
    }
}

impl Operation for ReadRejected<'_> {
    type Output = Vec<RejectedRow>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Self::Output, StoreError> {
        const STEP: &str = "reading rejected items";

        let Self(batch_key, ordinal, limit) = *self;
        let rows = sqlx::query(REJECTED)
            .bind(batch_key)
            .bind(ordinal)
            .bind(limit)
            .fetch_all(connection)
            .await
            .step(STEP)?;
        let read = |row: &sqlx::postgres::PgRow| {
            Ok(RejectedRow {
                batch_key: row.try_get(0).step(STEP)?,
                ordinal: row.try_get(1).step(STEP)?,
                raw: row.try_get(2).step(STEP)?,
            })
        };
        rows.iter().map(read).collect()
    }
}

impl Operation for EraseRejected<'_> {
    type Output = u64;

    async fn run(&self, connection: &mut PgConnection) -> Result<u64, StoreError> {
        let keys: Vec<&str> = self.0.iter().map(|(key, _)| key.as_str()).collect();
        let ordinals: Vec<i32> = self.0.iter().map(|(_, ordinal)| *ordinal).collect();
        let done = sqlx::query(ERASE_REJECTED)
            .bind(keys)
            .bind(ordinals)
            .execute(connection)
            .await
            .step("erasing rejected items")?;
        Ok(done.rows_affected())
    }
}
