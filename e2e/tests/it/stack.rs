//! The stack under test: its addresses and keys, and the requests that many tests share.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use event_model::sparkpost::parse_batch;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use sqlx::PgPool;
use sqlx::types::Uuid;
use time::OffsetDateTime;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The time limit for passing through the pipeline on a busy machine.
pub(crate) const ARRIVAL: Duration = Duration::from_mins(2);

/// Outages hold this for writing; everything else for reading.
static WEATHER: LazyLock<RwLock<()>> = LazyLock::new(|| RwLock::const_new(()));

/// The content of `stack.json` (only the parts that tests use).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct StackFile {
    pub(crate) base_url: String,
    pub(crate) sparkpost_webhook_url: String,
    pub(crate) track_url: String,
    pub(crate) mparticle_webhook_url: String,
    pub(crate) iterable_url: String,
    pub(crate) sns_url: String,
    pub(crate) keys: Keys,
    pub(crate) database_url: String,
    pub(crate) aws_endpoint_url: String,
    pub(crate) region: String,
    pub(crate) bucket: String,
    pub(crate) queues: Queues,
    pub(crate) functions: BTreeMap<String, String>,
    pub(crate) pids: Pids,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Pids {
    pub(crate) cistern: u32,
    pub(crate) postgres: u32,
    pub(crate) emulator: u32,
}

#[derive(Clone, Deserialize)]
pub(crate) struct Keys {
    pub(crate) sparkpost: String,
    pub(crate) mparticle: String,
    pub(crate) query: String,
    pub(crate) sql: String,
    pub(crate) repair: String,
    pub(crate) track: String,
    pub(crate) page: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Queues {
    pub(crate) load: String,
    pub(crate) load_dlq: String,
    pub(crate) archive: String,
    pub(crate) archive_dlq: String,
    pub(crate) forward: String,
    pub(crate) forward_dlq: String,
}

/// A running stack, an HTTP client and a connection pool to its database.
pub(crate) struct Stack {
    pub(crate) file: StackFile,
    pub(crate) http: reqwest::Client,
    pub(crate) db: PgPool,
}

/// The result of one batch, from the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accounts {
    pub(crate) batch_key: String,
    pub(crate) received: i64,
    pub(crate) inserted: i64,
    pub(crate) rejected: i64,
}

impl Accounts {
    /// The counts: received, inserted, rejected.
    pub(crate) fn sum(&self) -> (i64, i64, i64) {
        (self.received, self.inserted, self.rejected)
    }
}

impl Stack {
    /// Uses the running stack; waits while another test has exclusive use of it.
    pub(crate) async fn shared() -> Result<(Self, RwLockReadGuard<'static, ()>)> {
        let guard = WEATHER.read().await;
        Ok((Self::connect()?, guard))
    }

    /// Uses the running stack exclusively, for a test that breaks a part of it for a while.
    pub(crate) async fn exclusive() -> Result<(Self, RwLockWriteGuard<'static, ()>)> {
        let guard = WEATHER.write().await;
        Ok((Self::connect()?, guard))
    }

    /// The current `stack.json`.
    pub(crate) fn file() -> Result<StackFile> {
        let path = std::env::var("CISTERN_STACK_JSON").context(
            "CISTERN_STACK_JSON must name the stack.json of a running stack: use `make test`",
        )?;
        let text = std::fs::read_to_string(repository_root().join(&path))
            .with_context(|| format!("reading {path}"))?;
        serde_json::from_str(&text).with_context(|| format!("in {path}"))
    }

    fn connect() -> Result<Self> {
        let file = Self::file()?;
        let db = PgPool::connect_lazy(&file.database_url)?;
        let http = reqwest::Client::builder()
            .timeout(Duration::from_mins(1))
            .build()?;
        Ok(Self { file, http, db })
    }

    /// Posts a body as SparkPost would and returns the status.
    pub(crate) async fn post_batch(&self, batch_id: &str, body: Vec<u8>) -> Result<u16> {
        let response = self
            .http
            .post(&self.file.sparkpost_webhook_url)
            .header("authorization", &self.file.keys.sparkpost)
            .header("content-type", "application/json")
            .header("X-MessageSystems-Batch-ID", batch_id)
            .body(body)
            .send()
            .await?;
        Ok(response.status().as_u16())
    }

    /// Posts a batch, requires exactly 200, and waits until the loader has loaded it.
    pub(crate) async fn deliver(&self, batch_id: &str, body: Vec<u8>) -> Result<Accounts> {
        let status = self.post_batch(batch_id, body).await?;
        ensure!(status == 200, "the webhook answered {status}, not 200");
        self.accounts_of(batch_id).await
    }

    /// As [`Self::deliver`], for a body that would be long without compression.
    pub(crate) async fn deliver_gzip(&self, batch_id: &str, body: &[u8]) -> Result<Accounts> {
        let response = self
            .http
            .post(&self.file.sparkpost_webhook_url)
            .header("authorization", &self.file.keys.sparkpost)
            .header("content-type", "application/json")
            .header("content-encoding", "gzip")
            .header("X-MessageSystems-Batch-ID", batch_id)
            .body(gzip(body)?)
            .send()
            .await?;
        let status = response.status();
        ensure!(status == 200, "the webhook answered {status}, not 200");
        self.accounts_of(batch_id).await
    }

    /// Waits for the row of `batches` that the loader commits together with the events.
    pub(crate) async fn accounts_of(&self, batch_id: &str) -> Result<Accounts> {
        self.accounts_within(batch_id, ARRIVAL).await
    }

    /// As [`Self::accounts_of`], with another time limit.
    pub(crate) async fn accounts_within(
        &self,
        batch_id: &str,
        time_limit: Duration,
    ) -> Result<Accounts> {
        let what = format!("batch {batch_id} to be loaded");
        eventually(&what, time_limit, async || {
            // By the id alone: the emulator passes on JSON bodies as text, so that the hash of a body that is not UTF-8
            // is unknown.
            let row: Option<(String, i32, i32, i32)> = sqlx::query_as(
                r"
                select batch_key, events, inserted, rejected
                from batches
                where batch_key like $1 || '-________________'
                ",
            )
            .bind(batch_id)
            .fetch_optional(&self.db)
            .await?;
            Ok(
                row.map(|(batch_key, received, inserted, rejected)| Accounts {
                    batch_key,
                    received: received.into(),
                    inserted: inserted.into(),
                    rejected: rejected.into(),
                }),
            )
        })
        .await
    }

    /// How many of the events of a body, distinguished by time and key, are in the table `email_events`.
    pub(crate) async fn stored_events_of(&self, body: &[u8]) -> Result<usize> {
        let (times, keys) = distinct_events(body)
            .into_iter()
            .unzip::<_, _, Vec<_>, Vec<_>>();
        let count: i64 = sqlx::query_scalar(
            r"
            select count(*)
            from email_events
            join unnest($1::timestamptz[], $2::uuid[]) as sent (ts, event_key)
                using (ts, event_key)
            ",
        )
        .bind(times)
        .bind(keys)
        .fetch_one(&self.db)
        .await?;
        Ok(usize::try_from(count)?)
    }

    /// GETs a path of the query API with the query key; the status and the JSON body.
    pub(crate) async fn get(&self, path_and_query: &str) -> Result<(u16, serde_json::Value)> {
        let response = self
            .http
            .get(format!("{}{path_and_query}", self.file.base_url))
            .header("authorization", &self.file.keys.query)
            .send()
            .await?;
        let status = response.status().as_u16();
        let body = response.bytes().await?;
        let json = serde_json::from_slice(&body)
            .with_context(|| format!("{path_and_query} answered {status} without JSON"))?;
        Ok((status, json))
    }

    /// Messages waiting or in flight in a queue.
    pub(crate) async fn queue_depth(&self, queue_url: &str) -> Result<u64> {
        let depth = aws_io::queue::depth(&self.sqs().await, queue_url).await?;
        Ok(depth.total())
    }

    /// A client for the emulator's queues.
    pub(crate) async fn sqs(&self) -> aws_io::SqsClient {
        aws_io::Aws::local(&self.file.aws_endpoint_url).await.sqs()
    }
}

/// Polls until there is a result; an error of the poll itself counts as "not yet".
pub(crate) async fn eventually<T>(
    what: &str,
    time_limit: Duration,
    ask: impl AsyncFn() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + time_limit;
    loop {
        let answer = ask().await;
        if let Ok(Some(answer)) = answer {
            return Ok(answer);
        }
        if Instant::now() > deadline {
            match answer {
                Err(error) => return Err(error.context(format!("waited for {what}"))),
                Ok(_) => bail!("waited {time_limit:?} for {what}"),
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub(crate) fn gzip(body: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    Ok(encoder.finish()?)
}

/// The storable events of a body, by the identity of an event.
pub(crate) fn distinct_events(body: &[u8]) -> BTreeSet<(OffsetDateTime, Uuid)> {
    let batch = parse_batch(body, OffsetDateTime::now_utc());
    let events = batch.events.iter();
    events
        .map(|event| {
            (
                event.timestamp.to_time(),
                Uuid::from_u128(event.key.as_u128()),
            )
        })
        .collect()
}

/// A batch id no other test or run has used.
pub(crate) fn fresh_id(label: &str) -> String {
    let nanos = OffsetDateTime::now_utc().unix_timestamp_nanos();
    format!("{label}-{nanos:x}")
}

pub(crate) fn repository_root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        crate_dir
            .join("..")
            .canonicalize()
            .expect("the crate lies in the repository")
    });
    &ROOT
}

/// The project's own samples, by file name.
pub(crate) fn samples() -> Result<Vec<(String, Vec<u8>)>> {
    read_json_files(&repository_root().join("events/sparkpost"))
}

/// The folder of public samples and recordings beside the checkout, if it exists.
pub(crate) fn shared_data() -> Option<PathBuf> {
    let folder = std::env::var_os("CISTERN_SHARED_DATA")
        .map_or_else(|| repository_root().join("../shared/data"), PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// Public sample batches beside the checkout, if the folder exists.
pub(crate) fn public_samples() -> Result<Vec<(String, Vec<u8>)>> {
    match shared_data() {
        Some(folder) => read_json_files(&folder.join("sparkpost")),
        None => Ok(Vec::new()),
    }
}

fn read_json_files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.extension().is_some_and(|kind| kind == "json") && name != "event-fields.json" {
            files.push((name, std::fs::read(&path)?));
        }
    }
    files.sort();
    Ok(files)
}
