//! The function with its own bucket and database.

use std::time::Duration;

use aws_io::{Aws, gzip};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use erasure::TombstoneList;
use event_model::BatchKey;
use event_model::Pipeline;
use event_store::{DatabaseConfig, Store};
use function_kit::{capture::Capture, metrics::Metrics};
use lambda_runtime::{Context, LambdaEvent};
use loader::{Deps, handle};
use sender_recipes::SenderList;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool};
use test_bucket::Bucket;
use time::{OffsetDateTime, macros::datetime};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
/// The time of an invocation, unless a test is about it.
const AVAILABLE: Duration = Duration::from_mins(1);
/// How long the store retries while the database is unavailable.
pub(crate) const RETRY_FOR: Duration = Duration::from_millis(500);

#[derive(Clone)]
pub(crate) struct Rig {
    pub(crate) deps: Deps,
    bucket: Bucket,
    pool: PgPool,
    metrics: Capture,
}

impl Rig {
    pub(crate) async fn new(pool: &PgPool) -> Self {
        let bucket = Bucket::create("loader").await;
        let metrics = Capture::default();
        let deps = Deps {
            bucket: bucket.name.clone(),
            s3: bucket.s3.clone(),
            erased: TombstoneList::new(bucket.s3.clone(), &*bucket.name)
                .with_max_age(Duration::ZERO),
            senders: SenderList::new(bucket.s3.clone(), &*bucket.name),
            store: store(pool.connect_options().to_url_lossy().as_ref()),
            metrics: Metrics::to(Pipeline::EmailEvents, metrics.clone()),
            clock: || NOW,
        };
        Self {
            deps,
            bucket,
            pool: pool.clone(),
            metrics,
        }
    }

    /// The same with a database at another URL.
    pub(crate) fn with_database(&self, url: &str) -> Self {
        let mut rig = self.clone();
        rig.deps.store = store(url);
        rig
    }

    /// The same with S3 at another URL.
    pub(crate) async fn with_s3(&self, endpoint_url: &str) -> Self {
        let mut rig = self.clone();
        rig.deps.s3 = Aws::local(endpoint_url).await.s3();
        rig
    }

    /// Archives a batch as ingest does; returns its key.
    pub(crate) async fn archive(&self, batch_id: &str, body: &[u8]) -> String {
        let key = BatchKey::new(Some(batch_id), body).object_key(NOW.date());
        self.put(&key, gzip::encode(body)).await;
        key
    }

    pub(crate) async fn put(&self, key: &str, bytes: Vec<u8>) {
        self.bucket.put(key, bytes).await;
    }

    /// The message that S3 sends about objects.
    pub(crate) fn notification(&self, keys: &[&str]) -> String {
        self.bucket.notification(keys)
    }

    /// One message for each key; returns the indices of those to be delivered again.
    pub(crate) async fn deliver(&self, keys: &[&str]) -> Vec<usize> {
        let messages: Vec<_> = keys.iter().map(|key| self.notification(&[*key])).collect();
        self.deliver_messages(&messages, AVAILABLE).await
    }

    pub(crate) async fn deliver_messages(
        &self,
        messages: &[String],
        available: Duration,
    ) -> Vec<usize> {
        let records: Vec<_> = messages
            .iter()
            .enumerate()
            .map(|(index, body)| {
                let mut message = SqsMessage::default();
                message.message_id = Some(index.to_string());
                message.body = Some(body.clone());
                message
            })
            .collect();
        let mut event = SqsEvent::default();
        event.records = records;
        self.invoke(event, available).await
    }

    pub(crate) async fn invoke(&self, event: SqsEvent, available: Duration) -> Vec<usize> {
        let mut context = Context::default();
        let deadline_ms = (NOW + available).unix_timestamp_nanos() / 1_000_000;
        context.deadline = deadline_ms.try_into().unwrap();
        let response = handle(&self.deps, LambdaEvent::new(event, context))
            .await
            .unwrap();
        response
            .batch_item_failures
            .into_iter()
            .map(|failure| failure.item_identifier.parse().unwrap())
            .collect()
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Rows of `email_events`, `email_events_rejected` and `batches`.
    pub(crate) async fn rows(&self) -> [i64; 3] {
        [
            self.number("select count(*) from email_events").await,
            self.number("select count(*) from email_events_rejected")
                .await,
            self.number("select count(*) from batches").await,
        ]
    }

    /// The sum of one metric over all invocations.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        self.metrics.sum(name)
    }

    /// Sums of received, stored, duplicate and rejected events.
    pub(crate) fn counts(&self) -> [u64; 4] {
        ["received", "stored", "duplicate", "rejected"].map(|name| self.metric(name))
    }

    /// The objects that are noted because they have items of erased people.
    pub(crate) async fn notes(&self) -> Vec<String> {
        let notes = self.bucket.objects("state/erasures/late/").await;
        notes
            .into_values()
            .map(|key| String::from_utf8(key.to_vec()).unwrap())
            .collect()
    }

    /// The rejected lines, by source key.
    pub(crate) async fn rejections(&self) -> Vec<Value> {
        let prefix = "rejected/email_events/dt=2026-03-01/";
        let mut lines = self.bucket.lines(prefix).await;
        lines.sort_by_key(|line| line["source_key"].as_str().unwrap().to_owned());
        lines
    }

    pub(crate) fn metric_lines(&self) -> String {
        self.metrics.text()
    }
}

fn store(url: &str) -> Store {
    let mut config = DatabaseConfig::new(url.into(), "loader-test");
    config.retry_for = RETRY_FOR;
    // On a busy machine a login takes a while.
    config.connect_timeout = Duration::from_secs(3);
    Store::connect_lazy(&config).unwrap()
}

/// Events with these ids, a second apart.
pub(crate) fn batch(ids: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let events: Vec<_> = ids
        .into_iter()
        .map(|id| event(id, 1_770_000_000 + id))
        .collect();
    serde_json::to_vec(&events).unwrap()
}

pub(crate) fn event(id: u64, at: u64) -> Value {
    json!({ "msys": { "message_event": {
        "type": "delivery",
        "event_id": id.to_string(),
        "timestamp": at.to_string(),
        "rcpt_to": format!("user{id}@example.com"),
    } } })
}

/// A port on which no server listens.
pub(crate) fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
