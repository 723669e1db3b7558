//! The functions with a bucket of their own, and a clock that goes when it is told to.

use std::{
    cell::Cell,
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use archiver::{Config, Deps, Report, compact, handle};
use aws_io::{
    Aws, S3Client,
    s3::{GetError, ObjectRef},
};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use bytes::Bytes;
use event_model::Pipeline;
use function_kit::{Env, capture::Capture, metrics::Metrics};
use lake_schema::Table;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::datetime};
use tokio::time::Instant;

use crate::rows::{Row, read};

thread_local! {
    static NOW: Cell<OffsetDateTime> = const { Cell::new(datetime!(2026-03-01 12:00 UTC)) };
}

/// No message is to be sent again.
pub(crate) const NONE: [usize; 0] = [];

#[derive(Clone)]
pub(crate) struct Rig {
    pub(crate) deps: Deps,
    metrics: Capture,
}

pub(crate) fn now() -> OffsetDateTime {
    NOW.get()
}

pub(crate) fn set_now(now: OffsetDateTime) {
    NOW.set(now);
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with_clock(now).await
    }

    pub(crate) async fn with_clock(clock: fn() -> OffsetDateTime) -> Self {
        let url = std::env::var("AWS_ENDPOINT_URL").expect(
            "AWS_ENDPOINT_URL must name a local AWS endpoint; `make test` starts one and sets it",
        );
        let s3 = Aws::local(&url).await.s3();
        let bucket = new_bucket(&s3).await;
        let metrics = Capture::default();
        Self {
            deps: Deps {
                config: Config::from_env(&Env::from_pairs([("EVENTS_BUCKET", bucket)])).unwrap(),
                s3,
                tables: Table::all().into(),
                metrics: Metrics::to(Pipeline::ProductEvents, metrics.clone()),
                clock,
            },
            metrics,
        }
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.deps.config.bucket
    }

    pub(crate) async fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        put(&self.deps.s3, self.bucket(), key, bytes).await;
    }

    pub(crate) async fn delete(&self, key: &str) {
        let delete = self.deps.s3.delete_object().bucket(self.bucket()).key(key);
        delete.send().await.unwrap();
    }

    /// One message for each key; returns the places of those that are to be sent again.
    pub(crate) async fn deliver(&self, keys: &[&str]) -> Vec<usize> {
        let messages: Vec<String> = keys
            .iter()
            .map(|key| notice(self.bucket(), &[*key]))
            .collect();
        self.deliver_messages(&messages, Duration::from_mins(1))
            .await
    }

    pub(crate) async fn deliver_messages(
        &self,
        messages: &[String],
        available: Duration,
    ) -> Vec<usize> {
        let mut event = SqsEvent::default();
        event.records = messages
            .iter()
            .enumerate()
            .map(|(place, body)| {
                let mut message = SqsMessage::default();
                message.message_id = Some(place.to_string());
                message.body = Some(body.clone());
                message
            })
            .collect();
        let mut context = Context::default();
        let deadline_ms = ((self.deps.clock)() + available).unix_timestamp_nanos() / 1_000_000;
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

    pub(crate) async fn compact(&self) -> Report {
        let report = compact(&self.deps, Instant::now() + Duration::from_mins(1)).await;
        assert_eq!(report.failed_tables, [] as [String; 0]);
        report
    }

    /// All objects under a prefix, by key.
    pub(crate) async fn objects(&self, prefix: &str) -> BTreeMap<String, Bytes> {
        objects(&self.deps.s3, self.bucket(), prefix).await
    }

    /// The rows of all files of the lake, by file.
    pub(crate) async fn files(&self) -> BTreeMap<String, Vec<Row>> {
        self.files_under("lake/").await
    }

    /// The rows of all files of a table, by file.
    pub(crate) async fn files_of(&self, table: &str) -> BTreeMap<String, Vec<Row>> {
        self.files_under(&format!("lake/{table}/")).await
    }

    async fn files_under(&self, prefix: &str) -> BTreeMap<String, Vec<Row>> {
        let objects = self.objects(prefix).await;
        objects
            .into_iter()
            .map(|(key, bytes)| (key, read(bytes)))
            .collect()
    }

    /// The lines written about what was rejected.
    pub(crate) async fn rejections(&self) -> Vec<Value> {
        let objects = self.objects("rejected/product_events/").await;
        objects
            .values()
            .flat_map(|bytes| {
                bytes
                    .split(|byte| *byte == b'\n')
                    .filter(|line| !line.is_empty())
            })
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    /// Sums of received, stored, duplicate and rejected records, and of retried messages.
    pub(crate) fn counts(&self) -> [u64; 5] {
        [
            "lake_received",
            "lake_stored",
            "lake_duplicate",
            "lake_rejected",
            "retried",
        ]
        .map(|name| {
            let lines = self.metrics.text();
            let numbers = lines
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()[name].as_u64());
            numbers.map(Option::unwrap_or_default).sum()
        })
    }

    pub(crate) fn metric_lines(&self) -> String {
        self.metrics.text()
    }
}

pub(crate) async fn new_bucket(s3: &S3Client) -> String {
    let bucket = format!("archiver-{:016x}", RandomState::new().hash_one(0));
    s3.create_bucket().bucket(&bucket).send().await.unwrap();
    bucket
}

pub(crate) async fn put(s3: &S3Client, bucket: &str, key: &str, bytes: impl Into<Vec<u8>>) {
    let put = s3
        .put_object()
        .bucket(bucket)
        .key(key)
        .body(bytes.into().into());
    put.send().await.unwrap();
}

/// All objects under a prefix. One that is gone since it was listed is an error: no reader of ours may pass over it.
pub(crate) async fn objects(s3: &S3Client, bucket: &str, prefix: &str) -> BTreeMap<String, Bytes> {
    let mut objects = BTreeMap::new();
    for key in keys(s3, bucket, prefix).await {
        let bytes = object(s3, bucket, &key).await;
        objects.insert(key, bytes.expect("what was listed is there"));
    }
    objects
}

pub(crate) async fn keys(s3: &S3Client, bucket: &str, prefix: &str) -> Vec<String> {
    let listed = aws_io::s3::listing::list(s3, bucket, prefix, Duration::from_secs(10)).await;
    listed
        .unwrap()
        .into_iter()
        .map(|object| object.key)
        .collect()
}

/// An object's bytes; `None` when there is no such object.
pub(crate) async fn object(s3: &S3Client, bucket: &str, key: &str) -> Option<Bytes> {
    let name = ObjectRef {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
    };
    match aws_io::s3::get_capped(s3, &name, 64 << 20, Duration::from_secs(10)).await {
        Ok(bytes) => Some(bytes.into()),
        Err(GetError::Missing { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// The message that S3 sends about objects.
pub(crate) fn notice(bucket: &str, keys: &[&str]) -> String {
    let record = |key: &&str| {
        json!({
            "eventName": "ObjectCreated:Put",
            "s3": { "bucket": { "name": bucket }, "object": { "key": key.replace('=', "%3D") } },
        })
    };
    json!({ "Records": keys.iter().map(record).collect::<Vec<_>>() }).to_string()
}

/// The key of a raw object that arrived in that hour of 1 March 2026.
pub(crate) fn raw_key(hour: u8, name: &str) -> String {
    format!("raw/track/dt=2026-03-01/hour={hour:02}/track-1-2026-03-01-{hour:02}-00-00-{name}.gz")
}
