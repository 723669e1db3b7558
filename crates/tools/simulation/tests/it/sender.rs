//! Senders: SparkPost, whose webhook ingest answers, and Firehose, which writes raw objects itself.

use std::{sync::Arc, time::Duration};

use access_keys::{KeyCache, Networks};
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use event_model::Pipeline;
use function_kit::metrics::Metrics;
use ingest::{Config, Deps, Sns, router};
use sender_recipes::SenderList;
use serde_json::json;
use time::OffsetDateTime;
use tokio::time::timeout;
use tower::ServiceExt as _;

use crate::{
    actor::HOUR_MS,
    clock,
    connector::Clients,
    dice::Dice,
    process::Process,
    world::{BUCKET, World},
};

/// As in template.yaml.
const INGEST_TIMEOUT: Duration = Duration::from_secs(25);
/// SparkPost repeats a batch for eight hours.
const ATTEMPTS: u32 = 40;
/// How long events come.
const SENDING_MS: u64 = 28 * HOUR_MS;

/// Writes objects of product events, as Firehose does: some events have an id that was there before.
pub(crate) async fn put_product_events(world: &World, mut dice: Dice) {
    let count = dice.between(2, 7);
    for number in 0..count {
        wait(world, &mut dice, count).await;
        let now = clock::now();
        let key = format!(
            "raw/track/dt={}/hour={:02}/{number}.json",
            now.date(),
            now.hour()
        );
        let body = product_events(&mut dice, now);
        world.note(format_args!(
            "firehose: puts {key} with {} bytes",
            body.len()
        ));
        world.lock().put_raw(&key, body.into());
        world.check();
    }
}

/// Posts batches of email events until each is acknowledged.
pub(crate) async fn post_email_events(world: &World, mut dice: Dice) {
    let count = dice.between(2, 7);
    let mut service = Service::new(world, dice.split());
    for _ in 0..count {
        wait(world, &mut dice, count).await;
        let body = email_events(&mut dice, clock::now());
        let mut attempts = 0;
        while !service.post(&body).await {
            attempts += 1;
            if attempts == ATTEMPTS {
                return world.violate("a batch is never acknowledged".to_owned());
            }
            let wait_ms = dice.between(1_000, 600_000);
            world.wait_ms(wait_ms).await;
        }
        if dice.chance(1, 8) {
            // It did not hear the answer.
            service.post(&body).await;
        }
    }
}

/// Some of the objects come at once.
async fn wait(world: &World, dice: &mut Dice, count: u64) {
    let wait_ms = dice.between(1, 2 * SENDING_MS / count);
    if dice.chance(2, 3) {
        world
            .wait_ms(wait_ms.min(SENDING_MS.saturating_sub(clock::now_ms())))
            .await;
    }
}

fn product_events(dice: &mut Dice, now: OffsetDateTime) -> String {
    let mut lines = String::new();
    for _ in 0..dice.between(1, 4) {
        if dice.chance(1, 12) {
            lines.push_str("junk\n");
            continue;
        }
        let (day, id) = (day(dice, now).date(), dice.below(8));
        let event = json!({
            "event": "e", "userId": "u", "eventId": id.to_string(), "dateTime": format!("{day} 00:00:00"),
        });
        lines.push_str(&event.to_string());
        lines.push('\n');
    }
    lines
}

fn email_events(dice: &mut Dice, now: OffsetDateTime) -> String {
    let mut elements = Vec::new();
    for _ in 0..dice.between(1, 4) {
        // Not at the start: an array that begins with anything but an object is one rejection in the lake.
        if !elements.is_empty() && dice.chance(1, 8) {
            elements.push(json!("junk"));
            continue;
        }
        let at = day(dice, now).unix_timestamp();
        // Two types under one id are two events.
        let kind = *dice.pick(&["open", "click"]);
        elements.push(json!({ "msys": { "track_event": {
            "type": kind,
            "event_id": dice.below(5).to_string(),
            "timestamp": at.to_string(),
            "rcpt_to": "a@example.net",
        } } }));
    }
    json!(elements).to_string()
}

/// Midnight of a day of events that arrive now.
fn day(dice: &mut Dice, now: OffsetDateTime) -> OffsetDateTime {
    let days = *dice.pick(&[0, 0, 0, 1, 1, 3]);
    (now.date() - time::Duration::days(days))
        .midnight()
        .assume_utc()
}

/// ingest, as the gateway calls it.
struct Service {
    world: World,
    dice: Dice,
    running: Option<(Arc<Process>, Router)>,
    starts: u32,
}

impl Service {
    fn new(world: &World, dice: Dice) -> Self {
        Self {
            world: world.clone(),
            dice,
            running: None,
            starts: 0,
        }
    }

    fn process(&mut self) -> (Arc<Process>, Router) {
        let running = self.running.take().unwrap_or_else(|| {
            self.starts += 1;
            let process = Process::new(format!("ingest {}", self.starts), self.dice.split());
            let Clients { s3, secrets, .. } = Clients::of(&self.world, &process);
            let config = Config {
                bucket: BUCKET.to_owned(),
                secret_id: "keys".to_owned(),
                max_key_age: Duration::from_mins(5),
                networks: Networks::default(),
                max_body_bytes: 1 << 20,
                store_deadline: Duration::from_secs(8),
                local_sns: None,
                metrics_namespace: None,
            };
            let keys = KeyCache::new(secrets, config.secret_id.clone(), config.max_key_age);
            let router = router(Deps {
                sns: Arc::new(Sns::new(config.local_sns)),
                config,
                senders: SenderList::new(s3.clone(), BUCKET),
                s3,
                keys: Arc::new(keys),
                metrics: Metrics::to(Pipeline::EmailEvents, std::io::sink()),
                clock: clock::now,
            });
            (process, router)
        });
        self.running = Some(running.clone());
        running
    }

    /// Posts once. Whether the batch is acknowledged, which it may be only when it is stored.
    async fn post(&mut self, body: &str) -> bool {
        let (process, router) = self.process();
        let request = Request::post("/webhooks/sparkpost")
            .header("authorization", "the key")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let answer = Box::pin(timeout(INGEST_TIMEOUT, router.oneshot(request)));
        let Some(Ok(Ok(response))) = process.run(answer).await else {
            self.running = None;
            self.world.note(format_args!("{}: ended", process.name));
            return false;
        };
        let status = response.status();
        self.world
            .note(format_args!("{}: answers {status}", process.name));
        if status == StatusCode::OK && !self.is_stored(body) {
            self.world
                .violate("a batch is acknowledged and not stored".to_owned());
        }
        status == StatusCode::OK
    }

    fn is_stored(&self, body: &str) -> bool {
        let state = self.world.lock();
        let mut stored = state.bucket.under("raw/sparkpost/");
        stored.any(|(_, object)| {
            let stored = aws_io::gzip::decode_capped(&object.body, 1 << 20);
            stored.unwrap() == body.as_bytes()
        })
    }
}
