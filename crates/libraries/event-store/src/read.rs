//! Runs the statements of `event-query`.

use std::{fmt, marker::PhantomData};

use event_model::{EventKey, Timestamp};
use event_query::{Bind, Statement};
use futures::TryStreamExt;
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

/// The first rows of an answer, as many as a number of bytes has room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk<T> {
    /// In the order of the statement; at least one, if there is any.
    pub rows: Vec<T>,
    /// Whether more rows follow, which were not read.
    pub has_more: bool,
}

/// Fetches rows until their texts are longer than `max_bytes` together.
pub(crate) struct FetchWithin<'a, T> {
    statement: &'a Statement,
    max_bytes: usize,
    row: PhantomData<fn() -> T>,
}

impl<'a, T> FetchWithin<'a, T> {
    pub(crate) fn new(statement: &'a Statement, max_bytes: usize) -> Self {
        Self {
            statement,
            max_bytes,
            row: PhantomData,
        }
    }
}

/// A row whose length is not limited by that of a column.
pub(crate) trait LongRow: Sized + Send {
    /// What fetching such rows is called in errors.
    const STEP: &'static str;

    fn read(row: &PgRow) -> Result<Self, StoreError>;

    fn text_bytes(&self) -> usize;
}

/// Counts events.
pub(crate) struct Count<'a>(pub(crate) &'a Statement);

impl<T: LongRow> Operation for FetchWithin<'_, T> {
    type Output = Chunk<T>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Chunk<T>, StoreError> {
        let mut found = bound(self.statement).fetch(connection);
        let mut rows = Vec::new();
        let mut bytes = 0_usize;
        while let Some(row) = found.try_next().await.step(T::STEP)? {
            let row = T::read(&row)?;
            bytes = bytes.saturating_add(row.text_bytes());
            if bytes > self.max_bytes && !rows.is_empty() {
                return Ok(Chunk {
                    rows,
                    has_more: true,
                });
            }
            rows.push(row);
        }
        Ok(Chunk {
            rows,
            has_more: false,
        })
    }

    /// The rows that follow may be many times longer than those that were wanted.
    fn leaves_rows_unread(output: &Chunk<T>) -> bool {
        output.has_more
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

impl LongRow for GroupRow {
    const STEP: &'static str = "counting events in groups";

    fn read(row: &PgRow) -> Result<Self, StoreError> {
        let recipients: Option<i64> = row.try_get(2).step(Self::STEP)?;
        Ok(Self {
            keys: row.try_get(0).step(Self::STEP)?,
            count: read_count(row, 1, Self::STEP)?,
            recipients: recipients.map(i64::unsigned_abs),
        })
    }

    /// Keys may be members of the payload, of any length.
    fn text_bytes(&self) -> usize {
        self.keys.iter().flatten().map(String::len).sum()
    }
}

impl LongRow for EventRow {
    const STEP: &'static str = "fetching events";

    fn read(row: &PgRow) -> Result<Self, StoreError> {
        const STEP: &str = "reading an event";

        let ts: OffsetDateTime = row.try_get(0).step(STEP)?;
        let event_key: Uuid = row.try_get(1).step(STEP)?;
        Ok(Self {
            ts: Timestamp::from_time(ts),
            event_key: EventKey::from_u128(event_key.as_u128()),
            event: row.try_get(2).step(STEP)?,
        })
    }

    fn text_bytes(&self) -> usize {
        self.event.len()
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
