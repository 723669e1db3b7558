//! The batches that the loader committed, asked over the stack's API.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, Result};
use aws_io::{SqsClient, queue};
use event_model::BatchKey;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use crate::operator::{api::Api, target::StackTarget};

const PATH: &str = "/api/v1/sql";
/// The keys of one statement, which may have 64 KiB and return 10,000 rows.
const STATEMENT_BYTES: usize = 48 * 1024;
/// The route runs four statements at once and refuses more.
const ATTEMPTS: u32 = 5;
/// The pause before another attempt, and between two looks at what is loaded.
const PAUSE: Duration = Duration::from_secs(1);

/// What the table `batches` says, over the route for SQL.
#[derive(Debug)]
pub(crate) struct Batches {
    api: Api,
}

/// A batch that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoadedBatch {
    /// When, as Postgres says, in a form whose order is that of time.
    pub(crate) loaded_at: String,
    pub(crate) counts: EventCounts,
}

/// What became of the events of some batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct EventCounts {
    pub(crate) received: u64,
    pub(crate) stored: u64,
    pub(crate) duplicate: u64,
    pub(crate) rejected: u64,
    pub(crate) erased: u64,
}

/// The queue through which batches arrive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadQueue<'a> {
    pub(crate) sqs: &'a SqsClient,
    pub(crate) url: &'a str,
}

/// How long to wait for batches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitLimits {
    /// How long the queue must be empty until a batch counts as not loaded.
    pub(crate) quiet: Duration,
    /// How long nothing may change.
    pub(crate) limit: Duration,
}

impl EventCounts {
    pub(crate) fn add(&mut self, other: Self) {
        self.received += other.received;
        self.stored += other.stored;
        self.duplicate += other.duplicate;
        self.rejected += other.rejected;
        self.erased += other.erased;
    }
}

impl Batches {
    /// The batches of a stack that answers SQL.
    ///
    /// # Errors
    /// The stack cannot be reached, or was deployed without `EnableSql`.
    pub(crate) async fn of(target: &StackTarget) -> Result<Self> {
        let api = Api::of(target, "sql").await?;
        let batches = Self { api };
        batches.now().await.context("asking what is loaded")?;
        Ok(batches)
    }

    /// The time of Postgres, in the form of [`LoadedBatch::loaded_at`].
    pub(crate) async fn now(&self) -> Result<String> {
        let rows = self
            .rows("select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') as at")
            .await?;
        let at = rows.first().and_then(|row| row.get("at")?.as_str());
        at.map(str::to_owned).context("the stack returned no time")
    }

    /// Those of the batches that are loaded, by their keys.
    pub(crate) async fn find(
        &self,
        keys: impl IntoIterator<Item = &BatchKey>,
    ) -> Result<BTreeMap<String, LoadedBatch>> {
        let mut found = BTreeMap::new();
        for statement in statements(keys) {
            for row in self.rows(&statement).await? {
                let (key, batch) = read(&row).context("reading a row of batches")?;
                found.insert(key, batch);
            }
        }
        Ok(found)
    }

    /// Waits until each batch is loaded, as long as the queue has messages or something changes. Returns those that are loaded.
    pub(crate) async fn follow(
        &self,
        queue: LoadQueue<'_>,
        keys: &BTreeSet<BatchKey>,
        limits: WaitLimits,
        bar: &ProgressBar,
    ) -> Result<BTreeMap<String, LoadedBatch>> {
        let mut loaded = BTreeMap::new();
        let mut last_change = Instant::now();
        let mut busy_until = last_change;
        loop {
            let missing = keys.iter().filter(|key| !loaded.contains_key(key.as_str()));
            let new = self.find(missing).await?;
            if !new.is_empty() {
                last_change = Instant::now();
                loaded.extend(new);
                bar.set_position(u64::try_from(loaded.len()).unwrap_or(u64::MAX));
            }
            if loaded.len() >= keys.len() {
                return Ok(loaded);
            }
            if queue::depth(queue.sqs, queue.url).await?.total() > 0 {
                busy_until = Instant::now();
            }
            let quiet_since = busy_until.max(last_change);
            if quiet_since.elapsed() >= limits.quiet || last_change.elapsed() >= limits.limit {
                return Ok(loaded);
            }
            sleep(PAUSE).await;
        }
    }

    async fn rows(&self, sql: &str) -> Result<Vec<Map<String, Value>>> {
        #[derive(Deserialize)]
        struct Answer {
            results: Vec<Map<String, Value>>,
        }

        let mut attempt = 1;
        loop {
            let response = self
                .api
                .post(PATH, &[("format", "json")], &json!({ "sql": sql }))
                .await;
            match response {
                Ok(response) => {
                    let answer: Answer = response.json().await.context("reading rows")?;
                    return Ok(answer.results);
                }
                Err(error) if attempt >= ATTEMPTS => return Err(error),
                Err(_) => sleep(PAUSE).await,
            }
            attempt += 1;
        }
    }
}

/// Statements that look for the keys, each within the route's limits.
fn statements<'a>(keys: impl IntoIterator<Item = &'a BatchKey>) -> Vec<String> {
    let mut lists: Vec<String> = Vec::new();
    for key in keys {
        // A key consists of letters, digits and `_.=-`, so it needs no escaping.
        let quoted = format!("'{key}'");
        match lists.last_mut() {
            Some(list) if list.len() + quoted.len() < STATEMENT_BYTES => {
                list.push(',');
                list.push_str(&quoted);
            }
            _ => lists.push(quoted),
        }
    }
    lists
        .into_iter()
        .map(|list| {
            format!(
                "select batch_key, to_char(loaded_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') as loaded_at, \
                 events, inserted, rejected, erased from batches where batch_key in ({list})"
            )
        })
        .collect()
}

fn read(row: &Map<String, Value>) -> Option<(String, LoadedBatch)> {
    let number = |name: &str| match row.get(name)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let (received, stored, rejected) =
        (number("events")?, number("inserted")?, number("rejected")?);
    let erased = number("erased").unwrap_or(0);
    let counts = EventCounts {
        received,
        stored,
        duplicate: received
            .checked_sub(stored)?
            .checked_sub(rejected)?
            .checked_sub(erased)?,
        rejected,
        erased,
    };
    let text = |name: &str| row.get(name)?.as_str().map(str::to_owned);
    let loaded_at = text("loaded_at")?;
    Some((text("batch_key")?, LoadedBatch { loaded_at, counts }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> BatchKey {
        BatchKey::new(Some(name), name.as_bytes())
    }

    #[test]
    fn keys_are_asked_for_in_statements_of_limited_length() {
        let keys: Vec<BatchKey> = (0..3_000).map(|n| key(&format!("batch-{n}"))).collect();

        let statements = statements(&keys);

        assert!(statements.len() > 1);
        assert!(statements.iter().all(|sql| sql.len() < 64 * 1024));
        for key in &keys {
            let quoted = format!("'{key}'");
            let times = statements.iter().filter(|sql| sql.contains(&quoted));
            assert_eq!(times.count(), 1, "{key}");
        }
        assert!(super::statements(&[]).is_empty());
    }

    #[test]
    fn what_is_neither_stored_nor_rejected_is_a_duplicate() {
        let row = json!({"batch_key": "b", "loaded_at": "2026-01-31T00:00:00.000001", "events": 10, "inserted": 3, "rejected": "2"});

        let (name, batch) = read(row.as_object().unwrap()).unwrap();

        assert_eq!(name, "b");
        let counts = EventCounts {
            received: 10,
            stored: 3,
            duplicate: 5,
            rejected: 2,
            erased: 0,
        };
        assert_eq!(batch.counts, counts);
        let impossible =
            json!({"batch_key": "b", "loaded_at": "", "events": 1, "inserted": 3, "rejected": 0});
        assert_eq!(read(impossible.as_object().unwrap()), None);
    }
}
