//! What the database says about batches and events that somebody else knows of.

use event_model::{EventKey, Timestamp};
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{StoreError, error::Step, operation::Operation};

/// What is asked. Nothing of it is asked for where a list is empty.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Batches, by their keys.
    pub batches: Vec<String>,
    /// Events, by the key of their rows.
    pub events: Vec<(Timestamp, EventKey)>,
    /// Which batches were loaded in a time.
    pub loaded: Option<LoadedIn>,
}

/// A time of loading: from the first on, before the second. Keys after `after`, in their order, at most `limit`.
#[derive(Clone, Debug)]
pub struct LoadedIn {
    /// At or after this time.
    pub from: Timestamp,
    /// Before this time.
    pub to: Timestamp,
    /// The last key of the answer before.
    pub after: String,
    /// How many keys are returned.
    pub limit: i64,
}

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditAnswer {
    /// Those of the batches that are loaded.
    pub batches: Vec<LoadedBatch>,
    /// The positions of the events that have no row.
    pub missing_events: Vec<usize>,
    /// The batches that were loaded in the time.
    pub loaded: Vec<String>,
}

/// A batch that is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedBatch {
    /// Its key.
    pub batch_key: String,
    /// Its items.
    pub received: i64,
    /// Those that became rows when it was loaded.
    pub stored: i64,
    /// Those that were rejected.
    pub rejected: i64,
    /// Its rows in `email_events_rejected`: the place of the item, and whether the row stands for several.
    pub rejections: Vec<(i32, bool)>,
}

pub(crate) struct Audit<'a>(pub(crate) &'a AuditQuery);

const BATCHES: &str = "
select batch_key, events::bigint, inserted::bigint, batches.rejected::bigint,
  coalesce(array_agg(rows.ordinal order by rows.ordinal) filter (where rows.ordinal is not null), '{}'),
  coalesce(array_agg(length(rows.raw) = 0 order by rows.ordinal) filter (where rows.ordinal is not null), '{}')
from batches
left join email_events_rejected as rows using (batch_key)
where batch_key = any($1)
group by batch_key, events, inserted, batches.rejected";

const MISSING: &str = "
select asked.place
from unnest($1::timestamptz[], $2::uuid[]) with ordinality as asked (ts, event_key, place)
where not exists (
  select from email_events
  where email_events.ts = asked.ts and email_events.event_key = asked.event_key
)
order by asked.place";

const LOADED: &str = "
select batch_key
from batches
where loaded_at >= $1 and loaded_at < $2 and batch_key > $3
order by batch_key
limit $4";

impl Operation for Audit<'_> {
    type Output = AuditAnswer;

    async fn run(&self, connection: &mut PgConnection) -> Result<AuditAnswer, StoreError> {
        let query = self.0;
        let mut answer = AuditAnswer::default();
        if !query.batches.is_empty() {
            answer.batches = batches(connection, &query.batches).await?;
        }
        if !query.events.is_empty() {
            answer.missing_events = missing_events(connection, &query.events).await?;
        }
        if let Some(loaded) = &query.loaded {
            answer.loaded = sqlx::query_scalar(LOADED)
                .bind(loaded.from.to_time())
                .bind(loaded.to.to_time())
                .bind(&loaded.after)
                .bind(loaded.limit)
                .fetch_all(connection)
                .await
                .step("listing loaded batches")?;
        }
        Ok(answer)
    }
}

async fn batches(
    connection: &mut PgConnection,
    keys: &[String],
) -> Result<Vec<LoadedBatch>, StoreError> {
    const STEP: &str = "looking for batches";

    let rows = sqlx::query(BATCHES).bind(keys).fetch_all(connection).await;
    let rows = rows.step(STEP)?;
    let read = |row: &sqlx::postgres::PgRow| {
        let ordinals: Vec<i32> = row.try_get(4).step(STEP)?;
        let without_bytes: Vec<bool> = row.try_get(5).step(STEP)?;
        Ok(LoadedBatch {
            batch_key: row.try_get(0).step(STEP)?,
            received: row.try_get(1).step(STEP)?,
            stored: row.try_get(2).step(STEP)?,
            rejected: row.try_get(3).step(STEP)?,
            rejections: ordinals.into_iter().zip(without_bytes).collect(),
        })
    };
    rows.iter().map(read).collect()
}

async fn missing_events(
    connection: &mut PgConnection,
    events: &[(Timestamp, EventKey)],
) -> Result<Vec<usize>, StoreError> {
    let times: Vec<OffsetDateTime> = events.iter().map(|(time, _)| time.to_time()).collect();
    let keys: Vec<Uuid> = events
        .iter()
        .map(|(_, key)| Uuid::from_u128(key.as_u128()))
        .collect();
    let places: Vec<i64> = sqlx::query_scalar(MISSING)
        .bind(times)
        .bind(keys)
        .fetch_all(connection)
        .await
        .step("looking for events")?;
    Ok(places
        .into_iter()
        .filter_map(|place| usize::try_from(place - 1).ok())
        .collect())
}
