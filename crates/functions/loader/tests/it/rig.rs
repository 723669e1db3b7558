//! The function with a bucket and a database of its own.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use aws_io::{Aws, gzip};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use event_model::BatchKey;
use event_model::Pipeline;
use event_store::{DatabaseConfig, Store};
use function_kit::{capture::Capture, metrics::Metrics};
use lambda_runtime::{Context, LambdaEvent};
use loader::{Deps, handle};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool};
use time::{OffsetDateTime, macros::datetime};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
/// The time of an invocation, unless a test is about it.
const AVAILABLE: Duration = Duration::from_mins(1);
/// For how long the store waits for an unavailable database.
pub(crate) const RETRY_FOR: Duration = Duration::from_millis(500);

#[derive(Clone)]
pub(crate) struct Rig {
    pub(crate) deps: Deps,
    pool: PgPool,
    metrics: Capture,
}

impl Rig {
    pub(crate) async fn new(pool: &PgPool) -> Self {
        let url = std::env::var("AWS_ENDPOINT_URL").expect(
            "AWS_ENDPOINT_URL must name a local AWS endpoint; `make test` starts one and sets it",
        );
        let s3 = Aws::local(&url).await.s3();
        let bucket = format!("loader-{:016x}", RandomState::new().hash_one(0));
        s3.create_bucket().bucket(&bucket).send().await.unwrap();
        let metrics = Capture::default();
        let deps = Deps {
            bucket,
            s3,
            store: store(pool.connect_options().to_url_lossy().as_ref()),
            metrics: Metrics::to(Pipeline::EmailEvents, metrics.clone()),
            clock: || NOW,
        };
        Self {
            deps,
            pool: pool.clone(),
            metrics,
        }
    }

    /// The same with a database at another place.
    pub(crate) fn with_database(&self, url: &str) -> Self {
        let mut rig = self.clone();
        rig.deps.store = store(url);
        rig
    }

    /// The same with S3 at another place.
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
        let put = self
            .deps
            .s3
            .put_object()
            .bucket(&self.deps.bucket)
            .key(key)
            .body(bytes.into());
        put.send().await.unwrap();
    }

    /// The message that S3 sends about objects.
    pub(crate) fn notification(&self, keys: &[&str]) -> String {
        let record = |key: &&str| {
            json!({
                "eventName": "ObjectCreated:Put",
                "s3": { "bucket": { "name": self.deps.bucket }, "object": { "key": key.replace('=', "%3D") } },
            })
        };
        json!({ "Records": keys.iter().map(record).collect::<Vec<_>>() }).to_string()
    }

    /// One message for each key; returns the places of those that are to be sent again.
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
            .map(|(place, body)| {
                let mut message = SqsMessage::default();
                message.message_id = Some(place.to_string());
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

    /// Sum of one metric over all invocations.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let lines = self.metrics.text();
        lines
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()[name]
                    .as_u64()
                    .unwrap_or(0)
            })
            .sum()
    }

    /// Sums of received, stored, duplicate and rejected events.
    pub(crate) fn counts(&self) -> [u64; 4] {
        ["received", "stored", "duplicate", "rejected"].map(|name| self.metric(name))
    }

    /// What was written down as rejected, by source key.
    pub(crate) async fn rejections(&self) -> Vec<Value> {
        let Deps { s3, bucket, .. } = &self.deps;
        let listed = s3
            .list_objects_v2()
            .bucket(bucket)
            .prefix("rejected/email_events/dt=2026-03-01/")
            .send()
            .await;
        let mut lines: Vec<Value> = Vec::new();
        for object in listed.unwrap().contents() {
            let object = s3
                .get_object()
                .bucket(bucket)
                .key(object.key().unwrap())
                .send()
                .await
                .unwrap();
            let bytes = object.body.collect().await.unwrap().into_bytes();
            lines.push(serde_json::from_slice(&bytes).unwrap());
        }
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
    // A busy machine takes a while to let somebody in.
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

/// A place where nobody listens.
pub(crate) fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
