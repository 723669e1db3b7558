//! Schedules of app events: messages come to the queue, and runs of the forwarder archive and send them.

use std::{sync::Arc, time::Duration};

use erasure::Tombstones;
use event_mapping::{Mapper, MappingConfig};
use event_model::Pipeline;
use forwarder::{Run, RunDeadlines, RunSettings, UnknownUsers, VisibilityBackoff};
use function_kit::metrics::Metrics;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};
use time::macros::datetime;
use tokio::time::Instant;

use crate::{
    actor::{Actor, MINUTE_MS, all, until},
    clock,
    connector::Clients,
    destination::Model,
    dice::Dice,
    process::Process,
    world::{BUCKET, FORWARD_QUEUE, State, World},
};

/// How long a run may take.
const RUN: Duration = Duration::from_mins(1);
const SENDING_MS: u64 = 10 * MINUTE_MS;
/// The most runs that bring everything to rest.
const LAST_RUNS: u32 = 60;

/// Runs a schedule to its end.
///
/// # Errors
/// The first rule that does not hold.
pub(crate) async fn run(world: &World, mut dice: Dice) -> Result<(), String> {
    clock::start(datetime!(2026-03-01 12:00 UTC));
    let mut first = Forwarder::new(world, "forwarder a", dice.split());
    let mut second = Forwarder::new(world, "forwarder b", dice.split());
    let mut actors: Vec<Actor<'_>> = vec![
        Box::pin(send(world, dice.split())),
        Box::pin(runs(world, &mut first, dice.split())),
    ];
    if dice.chance(1, 2) {
        actors.push(Box::pin(runs(world, &mut second, dice.split())));
    }
    let mut nobody = FuturesUnordered::new();
    until(world, &mut nobody, all(actors)).await?;
    world.note("nothing fails any more");
    world.end_faults();
    let rest = async {
        for _ in 0..LAST_RUNS {
            if world.lock().queue(FORWARD_QUEUE).len() == 0 {
                return;
            }
            first.run().await;
            world.wait_ms(MINUTE_MS).await;
        }
    };
    until(world, &mut nobody, rest).await?;
    let waiting = world.lock().queue(FORWARD_QUEUE).len();
    if waiting == 0 {
        Ok(())
    } else {
        Err(format!("{waiting} messages wait at the end"))
    }
}

async fn runs(world: &World, forwarder: &mut Forwarder, mut dice: Dice) {
    while clock::now_ms() < SENDING_MS {
        let wait_ms = dice.between(1, 2 * MINUTE_MS);
        world.wait_ms(wait_ms).await;
        forwarder.run().await;
    }
}

/// Messages of a few events, of which some were sent before.
async fn send(world: &World, mut dice: Dice) {
    for _ in 0..dice.between(1, 9) {
        if dice.chance(1, 2) {
            let wait_ms = dice.between(1, MINUTE_MS);
            world.wait_ms(wait_ms).await;
        }
        let at_ms = clock::now().unix_timestamp() * 1000;
        let events: Vec<Value> = (0..dice.between(1, 3))
            .map(|_| {
                json!({ "event_type": "screen_view", "data": {
                    "source_message_id": format!("event-{:03}", dice.below(12)),
                    "timestamp_unixtime_ms": at_ms,
                    "screen_name": "Home",
                } })
            })
            .collect();
        let user = format!("u{}", dice.below(3));
        let body = json!({
            "user_identities": { "customer_id": user }, "environment": "production", "events": events,
        });
        let now_ms = clock::now_ms();
        let id = world
            .lock()
            .queue(FORWARD_QUEUE)
            .send(body.to_string(), now_ms, now_ms);
        world.note(format_args!("mParticle: message {id}"));
    }
}

struct Forwarder {
    world: World,
    name: &'static str,
    dice: Dice,
    runs: u64,
    mapper: Mapper,
}

impl Forwarder {
    fn new(world: &World, name: &'static str, dice: Dice) -> Self {
        let mapping = MappingConfig::from_json("{}").unwrap();
        Self {
            world: world.clone(),
            name,
            dice,
            runs: 0,
            mapper: Mapper::new(mapping).unwrap(),
        }
    }

    /// One run, in a process of its own.
    async fn run(&mut self) {
        self.runs += 1;
        let name = format!("{} {}", self.name, self.runs);
        let process = Process::new(name.clone(), self.dice.split());
        let clients = Clients::of(&self.world, &process);
        let model = Model {
            world: self.world.clone(),
            process: Arc::clone(&process),
        };
        let settings = RunSettings {
            max_event_age: None,
            unknown_users: UnknownUsers::Retry,
            unknown_user_retry_for: Duration::from_hours(24),
            request_timeout: Duration::from_secs(5),
            visibility: VisibilityBackoff::starting_with(Duration::from_secs(10)),
        };
        let run_id = name.replace(' ', "-");
        let run = Run {
            s3: &clients.s3,
            sqs: &clients.sqs,
            bucket: BUCKET,
            queue_url: "http://models.invalid/forward",
            erased: &Tombstones::default(),
            destination: &model,
            mapper: &self.mapper,
            settings: &settings,
            metrics: &Metrics::to(Pipeline::AppEvents, std::io::sink()),
            clock: clock::now,
            run_id: &run_id,
            seed: self.runs,
        };
        let drain = Box::pin(run.drain(RunDeadlines::new(Instant::now(), RUN)));
        let report = process.run(drain).await;
        let end = report.map(|report| report.end);
        self.world
            .note(format_args!("{name}: run ended with {end:?}"));
    }
}

impl State {
    /// A message may be deleted when it is archived, and each of its events is accepted or rejected.
    pub(crate) fn check_forwarded(&mut self, id: u64, body: &str) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let line = format!("\"messageId\":\"{id}\"");
        let mut archived = self.bucket.under("raw/mparticle/").map(|(_, object)| {
            let lines = aws_io::gzip::decode_capped(&object.body, 1 << 20);
            text(&lines.unwrap())
        });
        if !archived.any(|lines| lines.contains(&line)) {
            self.violation = Some(format!("message {id} is deleted and not archived"));
        }
        let rejected = self.bucket.under("rejected/app_events/");
        let rejected: String = rejected.map(|(_, object)| text(&object.body)).collect();
        let body: Value = serde_json::from_str(body).unwrap();
        for event in body["events"].as_array().unwrap() {
            let event = event["data"]["source_message_id"].as_str().unwrap();
            if !self.destination.contains_key(event) && !rejected.contains(event) {
                let what = format!(
                    "message {id} is deleted, and event {event} is neither accepted nor rejected"
                );
                self.violation = Some(what);
            }
        }
    }
}
