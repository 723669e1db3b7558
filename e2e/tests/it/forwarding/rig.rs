//! The app events' part of the stack, for one test at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_io::{Aws, S3Client};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard, RwLockReadGuard};

use crate::function::Function;
use crate::stack::{ARRIVAL, Stack, eventually, repository_root, shared_data};

/// There is one queue, one forwarder and one stand-in for Iterable. Held by a test that sends app events to the
/// destination and counts them.
pub(crate) static PIPELINE: Mutex<()> = Mutex::const_new(());

/// The settings that tests change, as the template has them.
const DEPLOYED: [(&str, &str); 4] = [
    ("MAPPING", "{}"),
    ("REQUESTS_PER_SECOND", "8"),
    ("REQUEST_TIMEOUT_MS", "30000"),
    ("RETRY_SECONDS", "60"),
];
const DEPLOYED_TIMEOUT_S: u32 = 900;

/// Sends everything that can be sent.
pub(crate) const EVERYTHING: &str = r#"{"scope":"everything","profiles":true,"events":{"profile":{"send":true}},
    "environments":["production","development","unknown","absent"],"identity":{"without":"placeholder"}}"#;

/// The pipeline of app events, empty and idle at the start of a test.
pub(crate) struct Forwarding {
    pub(crate) stack: Stack,
    pub(crate) s3: S3Client,
    _weather: RwLockReadGuard<'static, ()>,
    _alone: MutexGuard<'static, ()>,
}

/// An event or a purchase that the stand-in accepted.
#[derive(Debug, Deserialize)]
pub(crate) struct Arrival {
    pub(crate) id: String,
    pub(crate) event: Value,
}

/// Sums over runs of the forwarder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) skipped: u64,
    pub(crate) rejected: u64,
    /// Messages deleted.
    pub(crate) messages: u64,
}

impl Forwarding {
    /// Locks the pipeline, with some of the forwarder's settings changed.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Result<Self> {
        let alone = PIPELINE.lock().await;
        let (stack, weather) = Stack::shared().await?;
        let s3 = Aws::local(&stack.file.aws_endpoint_url).await.s3();
        let taken = Self {
            stack,
            s3,
            _weather: weather,
            _alone: alone,
        };
        taken.configure(DEPLOYED_TIMEOUT_S, settings).await?;
        taken.purge().await?;
        taken
            .iterable(&json!({
                "next": [], "random": {"share": 0.0}, "latency_ms": 0, "requests_per_second": 0,
                "only_known_users": false, "unknown_users": [],
            }))
            .await?;
        taken.forget().await?;
        Ok(taken)
    }

    /// Sets the forwarder's settings: the deployed ones, except `changed`.
    pub(crate) async fn configure(&self, timeout_s: u32, changed: &[(&str, &str)]) -> Result<()> {
        let function = Function::named(&self.stack, "forwarder")?;
        let mut variables = function.environment().await?;
        for (name, value) in DEPLOYED.iter().chain(changed) {
            variables[*name] = json!(value);
        }
        let settings = json!({"Environment": {"Variables": variables}, "Timeout": timeout_s});
        function.configure(&settings).await
    }

    /// Restores the forwarder's deployed settings.
    pub(crate) async fn restore(&self) -> Result<()> {
        self.configure(DEPLOYED_TIMEOUT_S, &[]).await
    }

    /// Leftovers of an earlier test run.
    async fn purge(&self) -> Result<()> {
        let sqs = self.stack.sqs().await;
        for queue in [
            &self.stack.file.queues.forward,
            &self.stack.file.queues.forward_dlq,
        ] {
            sqs.purge_queue().queue_url(queue).send().await?;
        }
        Ok(())
    }

    /// Posts a body as mParticle does, and returns the status.
    pub(crate) async fn post(&self, body: impl Into<String>) -> Result<u16> {
        let answer = self
            .stack
            .http
            .post(&self.stack.file.mparticle_webhook_url)
            .header("authorization", &self.stack.file.keys.mparticle)
            .header("content-type", "application/json; charset=utf-8")
            .body(body.into())
            .send()
            .await?;
        Ok(answer.status().as_u16())
    }

    /// Posts a body that must be accepted.
    pub(crate) async fn deliver(&self, body: impl Into<String>) -> Result<()> {
        let status = self.post(body).await?;
        ensure!(status == 200, "the webhook answered {status}, not 200");
        Ok(())
    }

    /// Runs the forwarder until the queue is empty, and adds up the reports.
    pub(crate) async fn drain(&self) -> Result<Sums> {
        let function = Function::named(&self.stack, "forwarder")?;
        let sums = Mutex::new(Sums::default());
        eventually("the queue to be empty", ARRIVAL, async || {
            if let Some(report) = function.tick().await? {
                sums.lock().await.add(&report)?;
            }
            Ok((self.waiting().await? == 0).then_some(()))
        })
        .await?;
        Ok(sums.into_inner())
    }

    /// Messages in the queue, including those in flight.
    pub(crate) async fn waiting(&self) -> Result<u64> {
        self.stack
            .queue_depth(&self.stack.file.queues.forward)
            .await
    }

    pub(crate) async fn dead(&self) -> Result<u64> {
        self.stack
            .queue_depth(&self.stack.file.queues.forward_dlq)
            .await
    }

    /// Changes the stand-in's behaviour.
    pub(crate) async fn iterable(&self, change: &Value) -> Result<()> {
        let url = format!("{}/_control", self.stack.file.iterable_url);
        let answer = self.stack.http.post(url).json(change).send().await?;
        ensure!(answer.status().is_success(), "{}", answer.text().await?);
        Ok(())
    }

    /// Makes the stand-in forget what it received.
    pub(crate) async fn forget(&self) -> Result<()> {
        let url = format!("{}/_received", self.stack.file.iterable_url);
        self.stack.http.delete(url).send().await?;
        Ok(())
    }

    /// The stand-in's response under `/_received`.
    pub(crate) async fn received(&self, path: &str) -> Result<Value> {
        let url = format!("{}/_received{path}", self.stack.file.iterable_url);
        let answer = self.stack.http.get(url).send().await?;
        ensure!(answer.status().is_success(), "{path}: {}", answer.status());
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }

    /// Every event that the stand-in accepted, by id.
    pub(crate) async fn arrived(&self) -> Result<BTreeMap<String, Value>> {
        let page = self.received("/events?limit=1000000").await?;
        let arrivals: Vec<Arrival> = serde_json::from_value(page)?;
        Ok(arrivals
            .into_iter()
            .map(|arrival| (arrival.id, arrival.event))
            .collect())
    }

    /// The keys of the objects in which the forwarder has written rejections. The archiver, which reads the same
    /// bodies, writes its own in the same folder at any time; their names are a hash, those of the forwarder begin with
    /// the time of a run.
    pub(crate) async fn rejected_keys(&self) -> Result<BTreeSet<String>> {
        let mut keys = self.keys("rejected/app_events/").await?;
        keys.retain(|key| {
            key.rsplit('/')
                .next()
                .is_some_and(|name| name.contains('-'))
        });
        Ok(keys)
    }

    /// The keys of the objects under a prefix.
    pub(crate) async fn keys(&self, prefix: &str) -> Result<BTreeSet<String>> {
        let mut keys = BTreeSet::new();
        let mut pages = self
            .s3
            .list_objects_v2()
            .bucket(&self.stack.file.bucket)
            .prefix(prefix)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page?;
            keys.extend(
                page.contents()
                    .iter()
                    .filter_map(|object| object.key().map(str::to_owned)),
            );
        }
        Ok(keys)
    }

    pub(crate) async fn object(&self, key: &str) -> Result<Vec<u8>> {
        let object = self
            .s3
            .get_object()
            .bucket(&self.stack.file.bucket)
            .key(key)
            .send()
            .await?;
        Ok(object.body.collect().await?.to_vec())
    }
}

impl Sums {
    fn add(&mut self, report: &Value) -> Result<()> {
        let number = |group: &str, name: &str| {
            report[group][name]
                .as_u64()
                .with_context(|| format!("a report without {group}.{name}: {report}"))
        };
        self.received += number("events", "received")?;
        self.sent += number("events", "sent")?;
        self.skipped += number("events", "skipped")?;
        self.rejected += number("events", "rejected")?;
        self.messages += number("messages", "deleted")?;
        Ok(())
    }
}

/// A batch of a user's screen views, with these ids, a minute ago.
pub(crate) fn screen_views(user: &str, ids: &[String]) -> String {
    let at_ms = (time::OffsetDateTime::now_utc().unix_timestamp() - 60) * 1_000;
    let event = |id| {
        json!({
            "event_type": "screen_view",
            "data": {"source_message_id": id, "timestamp_unixtime_ms": at_ms, "screen_name": "Home"},
        })
    };
    let events: Vec<Value> = ids.iter().map(event).collect();
    json!({"user_identities": {"customer_id": user}, "environment": "production", "events": events})
        .to_string()
}

/// The project's own samples, by name.
pub(crate) fn own_samples() -> Result<Vec<(String, String)>> {
    bodies_in(&repository_root().join("events/mparticle"))
}

/// Bodies from public sources, by name; none if the folder is missing.
pub(crate) fn public_samples() -> Result<Vec<(String, String)>> {
    let Some(folder) = shared_data() else {
        return Ok(Vec::new());
    };
    let mut bodies = Vec::new();
    for inner in ["", "derived", "events", "firehose-format"] {
        bodies.extend(bodies_in(&folder.join("mparticle").join(inner))?);
    }
    Ok(bodies)
}

/// A file is a body; in a file of lines, each line is.
fn bodies_in(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut bodies = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if !matches!(ending, Some("json" | "jsonl")) {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        if ending == Some("jsonl") {
            bodies.extend(text.lines().map(|line| (name.clone(), line.to_owned())));
        } else {
            bodies.push((name, text));
        }
    }
    ensure!(!bodies.is_empty(), "no bodies in {}", folder.display());
    bodies.sort();
    Ok(bodies)
}

/// The time limit for every step of a test.
pub(crate) const TIME_LIMIT: Duration = ARRIVAL;
