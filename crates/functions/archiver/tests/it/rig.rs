//! The functions with a bucket of their own, and a clock that goes when it is told to.

use std::{cell::Cell, collections::BTreeMap, time::Duration};

use archiver::{Config, Deps, Report, compact, handle};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use bytes::Bytes;
use erasure::TombstoneList;
use event_model::Pipeline;
use function_kit::{Env, capture::Capture, metrics::Metrics};
use lake_schema::Table;
use lambda_runtime::{Context, LambdaEvent};
use sender_recipes::SenderList;
use serde_json::Value;
use test_bucket::Bucket;
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
    bucket: Bucket,
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
        let bucket = Bucket::create("archiver").await;
        let metrics = Capture::default();
        Self {
            deps: Deps {
                config: Config::from_env(&Env::from_pairs([("EVENTS_BUCKET", &*bucket.name)]))
                    .unwrap(),
                s3: bucket.s3.clone(),
                erased: TombstoneList::new(bucket.s3.clone(), &*bucket.name)
                    .with_max_age(Duration::ZERO),
                senders: SenderList::new(bucket.s3.clone(), &*bucket.name),
                tables: Table::all().into(),
                metrics: Metrics::to(Pipeline::ProductEvents, metrics.clone()),
                clock,
            },
            bucket,
            metrics,
        }
    }

    pub(crate) fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    pub(crate) async fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        self.bucket.put(key, bytes).await;
    }

    pub(crate) async fn delete(&self, key: &str) {
        let delete = self
            .deps
            .s3
            .delete_object()
            .bucket(&self.bucket.name)
            .key(key);
        delete.send().await.unwrap();
    }

    /// One message for each key; returns the places of those that are to be sent again.
    pub(crate) async fn deliver(&self, keys: &[&str]) -> Vec<usize> {
        let messages: Vec<String> = keys
            .iter()
            .map(|key| self.bucket.notification(&[*key]))
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
            .map(|(index, body)| {
                let mut message = SqsMessage::default();
                message.message_id = Some(index.to_string());
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
        self.bucket.objects(prefix).await
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
        self.bucket.lines("rejected/product_events/").await
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
        .map(|name| self.metrics.sum(name))
    }

    pub(crate) fn metric_lines(&self) -> String {
        self.metrics.text()
    }
}

/// The key of a raw object that arrived in that hour of 1 March 2026.
pub(crate) fn raw_key(hour: u8, name: &str) -> String {
    format!("raw/track/dt=2026-03-01/hour={hour:02}/track-1-2026-03-01-{hour:02}-00-00-{name}.gz")
}
