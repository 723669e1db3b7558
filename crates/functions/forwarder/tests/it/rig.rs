//! A run with its own queue, bucket and destination.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_io::{
    Aws, S3Client, SqsClient, gzip,
    queue::{Depth, depth, send},
};
use erasure::Tombstones;
use event_mapping::{Call, Mapper, MappingConfig, Operation};
use event_model::Pipeline;
use forwarder::{
    Run, RunDeadlines, RunReport, RunSettings, UnknownUsers, VisibilityBackoff,
    destination::{Destination, Iterable, IterableRates, Limits, Response, http_client},
};
use function_kit::{capture::Capture, metrics::Metrics};
use futures::future::BoxFuture;
use iterable_stand_in::{StandIn, serve};
use serde_json::{Value, json};
use test_bucket::Bucket;
pub(crate) use test_bucket::{endpoint_url, unique};
use time::OffsetDateTime;
use tokio::{net::TcpListener, time::Instant};
use url::Url;

/// Longer than any test takes.
pub(crate) const AMPLE: Duration = Duration::from_mins(2);

pub(crate) struct Rig {
    pub(crate) s3: S3Client,
    pub(crate) sqs: SqsClient,
    pub(crate) bucket: String,
    pub(crate) queue_url: String,
    pub(crate) dead_letter_url: String,
    pub(crate) stand_in: StandIn,
    pub(crate) stand_in_url: Url,
    pub(crate) mapper: Mapper,
    pub(crate) settings: RunSettings,
    pub(crate) rates: IterableRates,
    /// The most calls in a request, if lower than the destination's limit.
    pub(crate) max_calls: usize,
    /// Nobody, as mostly.
    pub(crate) erased: Tombstones,
    pub(crate) metrics: Capture,
    pub(crate) seed: u64,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let aws = Aws::local(&endpoint_url()).await;
        let (s3, sqs) = (aws.s3(), aws.sqs());
        let bucket = Bucket::create("forwarder").await.name;
        let dead_letter_url = create_queue(&sqs, "forward-dlq", None).await;
        let queue_url = create_queue(&sqs, "forward", Some(&dead_letter_url)).await;
        let (stand_in, stand_in_url) = start_stand_in().await;
        Self {
            s3,
            sqs,
            bucket,
            queue_url,
            dead_letter_url,
            stand_in,
            stand_in_url,
            mapper: mapper("{}"),
            settings: RunSettings {
                max_event_age: None,
                unknown_users: UnknownUsers::Retry,
                unknown_user_retry_for: Duration::from_hours(24),
                request_timeout: Duration::from_secs(5),
                visibility: VisibilityBackoff {
                    first: Duration::from_secs(1),
                    longest: Duration::from_secs(1),
                    for_new_user: Duration::from_secs(1),
                    past_the_run: Duration::from_secs(1),
                },
            },
            rates: IterableRates {
                bulk: 200.0,
                purchases: 200.0,
            },
            max_calls: usize::MAX,
            erased: Tombstones::default(),
            metrics: Capture::default(),
            seed: 7,
        }
    }

    /// The same with another mapping.
    pub(crate) fn with_mapping(mut self, mapping: &str) -> Self {
        self.mapper = mapper(mapping);
        self
    }

    pub(crate) fn iterable(&self) -> SmallRequests {
        let client = http_client().unwrap();
        let iterable = Iterable::new(client, &self.stand_in_url, "key".into(), self.rates).unwrap();
        SmallRequests {
            inner: iterable,
            max_calls: self.max_calls,
        }
    }

    pub(crate) async fn send(&self, body: &str) {
        send(&self.sqs, &self.queue_url, body).await.unwrap();
    }

    /// One run with ample time.
    pub(crate) async fn run(&self) -> RunReport {
        self.run_for(AMPLE).await
    }

    pub(crate) async fn run_for(&self, available: Duration) -> RunReport {
        self.run_to(&self.iterable(), available).await
    }

    pub(crate) async fn run_to(
        &self,
        destination: &dyn Destination,
        available: Duration,
    ) -> RunReport {
        let metrics = Metrics::to(Pipeline::AppEvents, self.metrics.clone());
        let run_id = unique("run");
        let run = Run {
            s3: &self.s3,
            sqs: &self.sqs,
            bucket: &self.bucket,
            queue_url: &self.queue_url,
            erased: &self.erased,
            destination,
            mapper: &self.mapper,
            settings: &self.settings,
            metrics: &metrics,
            clock: OffsetDateTime::now_utc,
            run_id: &run_id,
            seed: self.seed,
        };
        Box::pin(run.drain(RunDeadlines::new(Instant::now(), available))).await
    }

    pub(crate) async fn depth(&self) -> Depth {
        depth(&self.sqs, &self.queue_url).await.unwrap()
    }

    pub(crate) async fn dead_letters(&self) -> u64 {
        depth(&self.sqs, &self.dead_letter_url)
            .await
            .unwrap()
            .total()
    }

    /// Runs until the queue is empty. Fails after a minute and a half.
    pub(crate) async fn run_until_empty(&self) {
        let give_up = Instant::now() + Duration::from_secs(90);
        while self.depth().await.total() > 0 {
            assert!(
                Instant::now() < give_up,
                "the queue does not become empty: {:?}",
                self.depth().await
            );
            self.run_for(Duration::from_secs(20)).await;
        }
    }

    /// The keys under a prefix.
    pub(crate) async fn keys(&self, prefix: &str) -> Vec<String> {
        self.objects().keys(prefix).await
    }

    fn objects(&self) -> Bucket {
        Bucket {
            s3: self.s3.clone(),
            name: self.bucket.clone(),
        }
    }

    /// Every line about a rejected event.
    pub(crate) async fn rejected(&self) -> Vec<Value> {
        self.objects().lines("rejected/app_events/").await
    }

    /// Every archived line, by message id. A message that was archived twice must be the same both times.
    pub(crate) async fn archived(&self) -> BTreeMap<String, Value> {
        let mut messages = BTreeMap::new();
        for (key, object) in self.objects().objects("raw/mparticle/").await {
            assert!(key.ends_with(".ndjson.gz"), "{key}");
            let text = gzip::decode_capped(&object, 64 << 20).unwrap();
            for line in String::from_utf8(text).unwrap().lines() {
                let message: Value = serde_json::from_str(line).unwrap();
                let id = message["messageId"].as_str().unwrap().to_owned();
                if let Some(other) = messages.insert(id, message.clone()) {
                    assert_eq!(other, message);
                }
            }
        }
        messages
    }

    /// All archived lines.
    pub(crate) async fn archived_text(&self) -> String {
        let lines = self.archived().await.into_values();
        lines.map(|line| line.to_string()).collect()
    }

    /// The sum of a metric over all lines that were printed.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        self.metrics.sum(name)
    }

    /// The ids of the events that arrived.
    pub(crate) fn arrived(&self) -> BTreeSet<String> {
        self.stand_in
            .events(0, usize::MAX)
            .into_iter()
            .map(|arrival| arrival.id)
            .collect()
    }

    pub(crate) fn change(&self, change: Value) {
        self.stand_in
            .change(serde_json::from_value(change).unwrap());
    }
}

/// Iterable, with fewer calls to a request.
#[derive(Debug)]
pub(crate) struct SmallRequests {
    inner: Iterable,
    max_calls: usize,
}

impl Destination for SmallRequests {
    fn limits(&self, operation: Operation) -> Limits {
        let limits = self.inner.limits(operation);
        Limits {
            calls: limits.calls.min(self.max_calls),
            ..limits
        }
    }

    fn send<'a>(
        &'a self,
        operation: Operation,
        calls: &'a [&'a Call],
        time_limit: Duration,
    ) -> BoxFuture<'a, Response> {
        self.inner.send(operation, calls, time_limit)
    }
}

pub(crate) fn mapper(mapping: &str) -> Mapper {
    Mapper::new(MappingConfig::from_json(mapping).unwrap()).unwrap()
}

/// A batch of a user's screen views, with these ids and at these seconds.
pub(crate) fn screen_views(user: &str, events: &[(&str, i64)]) -> String {
    let events: Vec<Value> = events
        .iter()
        .map(|(id, at_s)| {
            json!({
                "event_type": "screen_view",
                "data": { "source_message_id": id, "timestamp_unixtime_ms": at_s * 1_000, "screen_name": "Home" },
            })
        })
        .collect();
    json!({ "user_identities": { "customer_id": user }, "environment": "production", "events": events }).to_string()
}

/// A moment ago, in seconds.
pub(crate) fn now_s() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp() - 60
}

async fn start_stand_in() -> (StandIn, Url) {
    let stand_in = StandIn::default();
    stand_in.change(serde_json::from_value(json!({ "requests_per_second": 0 })).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(serve(listener, stand_in.clone()));
    (stand_in, url)
}

async fn create_queue(sqs: &SqsClient, name: &str, dead_letter_url: Option<&str>) -> String {
    let mut request = sqs.create_queue().queue_name(unique(name));
    if let Some(url) = dead_letter_url {
        let arn = "QueueArn";
        let attributes = sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(arn.into())
            .send()
            .await
            .unwrap();
        let arn = attributes
            .attributes()
            .unwrap()
            .get(&arn.into())
            .unwrap()
            .clone();
        // Low enough to see a message that is received too often.
        let policy = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": 60 }).to_string();
        request = request.attributes("RedrivePolicy".into(), policy);
    }
    request
        .send()
        .await
        .unwrap()
        .queue_url()
        .unwrap()
        .to_owned()
}
