//! Runs the statements of `event-query`.

use std::fmt;

use event_model::{EventKey, Timestamp};
use event_query::{Bind, Statement};
use sqlx::{
    AssertSqlSafe, PgConnection, Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{StoreError, error::Step, operation::Operation};

/// A found event.
#[derive(Clone, PartialEq, Eq)]
pub struct EventRow {
    /// When the event happened.
    pub ts: Timestamp,
    /// Together with `ts` the event's key.
    pub event_key: EventKey,
    /// The whole event, as JSON text.
    pub event: String,
}

// The payload has many addresses: debug output must not contain it.
impl fmt::Debug for EventRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventRow")
            .field("ts", &self.ts)
            .field("event_key", &self.event_key)
            .finish_non_exhaustive()
    }
}

/// The number of events of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// One for each dimension, in its order; `None` for events that lack it.
    pub keys: Vec<Option<String>>,
    /// The number of events.
    pub count: u64,
    /// Their recipients, each once; `None` where they were not counted.
    pub recipients: Option<u64>,
}

impl GroupRow {
    /// Its numbers, in the order of a table.
    pub fn counts(&self) -> Vec<u64> {
        [self.count].into_iter().chain(self.recipients).collect()
    }
}

/// Fetches events.
pub(crate) struct Fetch<'a>(pub(crate) &'a Statement);

/// Counts events.
pub(crate) struct Count<'a>(pub(crate) &'a Statement);

/// Counts events in groups.
pub(crate) struct FetchGroups<'a>(pub(crate) &'a Statement);

impl Operation for Fetch<'_> {
    type Output = Vec<EventRow>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Vec<EventRow>, StoreError> {
        let rows = bound(self.0)
            .fetch_all(connection)
            .await
            .step("fetching events")?;
        rows.iter().map(read_event).collect()
    }
}

impl Operation for Count<'_> {
    type Output = u64;

    async fn run(&self, connection: &mut PgConnection) -> Result<u64, StoreError> {
        const STEP: &str = "counting events";

        let row = bound(self.0).fetch_one(connection).await.step(STEP)?;
        read_count(&row, 0, STEP)
    }
}

impl Operation for FetchGroups<'_> {
    type Output = Vec<GroupRow>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Vec<GroupRow>, StoreError> {
        const STEP: &str = "counting events in groups";

        let rows = bound(self.0).fetch_all(connection).await.step(STEP)?;
        let groups = rows.iter().map(|row| {
            Ok(GroupRow {
                keys: row.try_get(0).step(STEP)?,
                count: read_count(row, 1, STEP)?,
                recipients: row
                    .try_get::<Option<i64>, _>(2)
                    .step(STEP)?
                    .map(i64::unsigned_abs),
            })
        });
        groups.collect()
    }
}

pub(crate) fn read_count(
    row: &PgRow,
    column: usize,
    step: &'static str,
) -> Result<u64, StoreError> {
    let count: i64 = row.try_get(column).step(step)?;
    u64::try_from(count).map_err(|_| StoreError::Row {
        what: "their count",
    })
}

fn read_event(row: &PgRow) -> Result<EventRow, StoreError> {
    const STEP: &str = "reading an event";

    let ts: OffsetDateTime = row.try_get(0).step(STEP)?;
    let event_key: Uuid = row.try_get(1).step(STEP)?;
    Ok(EventRow {
        ts: Timestamp::from_time(ts),
        event_key: EventKey::from_u128(event_key.as_u128()),
        event: row.try_get(2).step(STEP)?,
    })
}

/// The statement with its values. Its text is built from `event-query`'s own words, so it is as safe as a literal;
/// because the text is repeated, the connection keeps it prepared.
pub(crate) fn bound(statement: &Statement) -> Query<'_, Postgres, PgArguments> {
    let query = sqlx::query(AssertSqlSafe(statement.sql.as_str()));
    statement.binds.iter().fold(query, bind)
}

fn bind<'q>(
    query: Query<'q, Postgres, PgArguments>,
    value: &'q Bind,
) -> Query<'q, Postgres, PgArguments> {
    match value {
        Bind::Text(text) => query.bind(text),
        Bind::TextArray(texts) => query.bind(texts),
        Bind::SmallIntArray(numbers) => query.bind(numbers),
        Bind::IntArray(numbers) => query.bind(numbers),
        Bind::BigInt(number) => query.bind(number),
        Bind::Timestamp(time) => query.bind(time),
        Bind::Uuid(bits) => query.bind(Uuid::from_u128(*bits)),
        Bind::UuidArray(many) => {
            let uuids: Vec<_> = many.iter().map(|bits| Uuid::from_u128(*bits)).collect();
            query.bind(uuids)
        }
    }
}
