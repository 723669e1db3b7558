//! The function with its own bucket and queue, and an API that knows what it is told.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use aws_io::{Aws, gzip};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use event_model::Pipeline;
use function_kit::{BoxError, Env, capture::Capture, metrics::Metrics};
use lambda_runtime::{Context, LambdaEvent};
use reconciler::{Config, Deps, handle};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use test_bucket::{Bucket, endpoint_url, unique};
use time::{Date, OffsetDateTime};
use tokio::net::TcpListener;

const DOCUMENT: &str = r#"{"signing_key":"s","query":"reader"}"#;

/// What the database has, and whether it can be asked.
#[derive(Debug, Default)]
struct Database {
    batches: BTreeSet<String>,
    is_down: bool,
    loses_rows: bool,
}

type Shared = Arc<Mutex<Database>>;

pub(crate) struct Rig {
    pub(crate) deps: Deps,
    bucket: Bucket,
    database: Shared,
    metrics: Capture,
    queue_url: String,
    today: Date,
}

async fn audit(
    State(database): State<Shared>,
    headers: HeaderMap,
    Json(asked): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let database = database.lock().unwrap();
    if headers["authorization"] != "reader" || database.is_down {
        return Err(StatusCode::FORBIDDEN);
    }
    let keys = asked["batches"].as_array().into_iter().flatten();
    let keys = keys.filter(|key| database.batches.contains(key.as_str().unwrap()));
    let batches: Vec<Value> = keys
        .map(|key| json!({ "batch_key": key, "received": 1, "stored": 1, "rejected": 0, "rejections": [] }))
        .collect();
    let is_lost = database.loses_rows && asked["events"].is_array();
    let missing: &[usize] = if is_lost { &[0] } else { &[] };
    Ok(Json(
        json!({ "batches": batches, "missing_events": missing, "loaded": [] }),
    ))
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let database = Shared::default();
        let secret = json!({ "ARN": "arn", "Name": "keys", "SecretString": DOCUMENT });
        let router = Router::new()
            .route("/", post(async || Json(secret)))
            .route("/api/v1/audit", post(audit))
            .with_state(Arc::clone(&database));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });

        let aws = Aws::local(&endpoint_url()).await;
        let bucket = Bucket::create("reconciler").await;
        let create = aws.sqs().create_queue().queue_name(unique("reconciler"));
        let queue_url = create.send().await.unwrap().queue_url.unwrap();
        let config = Config::from_env(&Env::from_pairs([
            ("EVENTS_BUCKET", bucket.name.as_str()),
            ("KEYS_SECRET_ARN", "keys"),
            ("API_ORIGIN", &origin),
            ("LOAD_QUEUE_URL", &queue_url),
            ("WAIT_MINUTES", "0"),
        ]));
        let metrics = Capture::default();
        let to = Metrics::to(Pipeline::EmailEvents, metrics.clone());
        let mut deps = Deps::with(config.unwrap(), &aws, to, OffsetDateTime::now_utc).unwrap();
        deps.secrets = Aws::local(&origin).await.secrets();
        Self {
            deps,
            bucket,
            database,
            metrics,
            queue_url,
            today: OffsetDateTime::now_utc().date(),
        }
    }

    /// Stores a batch of one event that arrived today.
    pub(crate) async fn put(&self, batch: &str) {
        let key = format!("raw/sparkpost/dt={}/{batch}.json.gz", self.today);
        let body = r#"[{"msys":{"message_event":{"type":"open","event_id":"1","timestamp":"1795000000"}}}]"#;
        self.bucket.put(&key, gzip::encode(body.as_bytes())).await;
    }

    /// The database has the batch from now on.
    pub(crate) fn load(&self, batch: &str) {
        self.database
            .lock()
            .unwrap()
            .batches
            .insert(batch.to_owned());
    }

    pub(crate) fn lose_row(&self) {
        self.database.lock().unwrap().loses_rows = true;
    }

    pub(crate) fn go_down(&self) {
        self.database.lock().unwrap().is_down = true;
    }

    pub(crate) async fn run(&self) -> Result<(), BoxError> {
        let mut context = Context::default();
        let deadline = SystemTime::now() + Duration::from_mins(2);
        let since = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        context.deadline = u64::try_from(since.as_millis()).unwrap();
        handle(&self.deps, LambdaEvent::new(IgnoredAny, context)).await
    }

    /// The bodies of the queue's messages, which are taken from it.
    pub(crate) async fn messages(&self) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            let receive = self.deps.sqs.receive_message().queue_url(&self.queue_url);
            let receive = receive.max_number_of_messages(10).visibility_timeout(600);
            let messages = receive.send().await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                return bodies;
            }
            bodies.extend(messages.into_iter().map(|message| message.body.unwrap()));
        }
    }

    pub(crate) async fn records(&self) -> Vec<String> {
        self.bucket.keys("state/reconciliation/").await
    }

    /// The record of the day on which the batches arrived.
    pub(crate) async fn record(&self) -> Value {
        let key = format!("state/reconciliation/{}.json", self.today);
        let bytes = self.bucket.object(&key).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// The metric as each run counted it: of today, and the first time of yesterday, which is complete then.
    pub(crate) fn unreconciled(&self) -> Vec<u64> {
        let text = self.metrics.text();
        let lines = text.lines().map(serde_json::from_str::<Value>);
        lines
            .map(|line| line.unwrap()["unreconciled"].as_u64().unwrap())
            .collect()
    }
}
