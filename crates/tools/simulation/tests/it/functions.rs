//! The functions of the lake, as Lambda calls them.

use std::{sync::Arc, time::Duration};

use archiver::{Config, Deps};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use erasure::TombstoneList;
use event_model::Pipeline;
use function_kit::{Env, metrics::Metrics};
use lake_schema::Table;
use lambda_runtime::{Context, LambdaEvent};
use sender_recipes::SenderList;
use serde::de::IgnoredAny;
use tokio::time::timeout;

use crate::{
    actor::MINUTE_MS,
    clock,
    connector::Clients,
    dice::Dice,
    process::Process,
    queue::Received,
    world::{ARCHIVE_QUEUE, BUCKET, World},
};

/// As in template.yaml.
const ARCHIVER_TIMEOUT: Duration = Duration::from_mins(2);
const COMPACTOR_TIMEOUT: Duration = Duration::from_mins(15);
const VISIBILITY_MS: u64 = 720_000;

/// A process of the archiver or the compactor.
pub(crate) struct LakeFunction {
    world: World,
    name: String,
    dice: Dice,
    table: Table,
    config: Config,
    running: Option<(Arc<Process>, Deps)>,
    starts: u32,
}

impl LakeFunction {
    pub(crate) fn new(world: &World, name: &str, dice: Dice, table: Table, config: Config) -> Self {
        Self {
            world: world.clone(),
            name: name.to_owned(),
            dice,
            table,
            config,
            running: None,
            starts: 0,
        }
    }

    /// The process that runs, or a new one with empty memory.
    fn process(&mut self) -> (Arc<Process>, Deps) {
        let running = self.running.take().unwrap_or_else(|| {
            self.starts += 1;
            let process = Process::new(format!("{} {}", self.name, self.starts), self.dice.split());
            let Clients { s3, .. } = Clients::of(&self.world, &process);
            let deps = Deps {
                erased: TombstoneList::new(s3.clone(), BUCKET),
                senders: SenderList::new(s3.clone(), BUCKET),
                config: self.config.clone(),
                s3,
                tables: vec![self.table.clone()],
                metrics: Metrics::to(Pipeline::ProductEvents, std::io::sink()),
                clock: clock::now,
            };
            (process, deps)
        });
        self.running = Some(running.clone());
        running
    }

    /// Runs `work` as one invocation. None if the process has ended, or Lambda has ended it.
    async fn invoke<T>(
        &mut self,
        limit: Duration,
        work: impl AsyncFnOnce(&Deps) -> T,
    ) -> Option<T> {
        let (process, deps) = self.process();
        let done = process.run(timeout(limit, Box::pin(work(&deps)))).await;
        let done = done.and_then(Result::ok);
        if done.is_none() {
            self.running = None;
            let name = &process.name;
            self.world.note(format_args!("{name}: ended"));
        }
        done
    }

    /// One run of the compactor; whether it did all that is due.
    pub(crate) async fn compact(&mut self) -> bool {
        let context = context(COMPACTOR_TIMEOUT);
        let work = async |deps: &Deps| {
            let event = LambdaEvent::new(IgnoredAny, context);
            archiver::handle_schedule(deps, event).await.is_ok()
        };
        let done = self.invoke(COMPACTOR_TIMEOUT, work).await;
        self.world.note(format_args!("{}: run {done:?}", self.name));
        done == Some(true)
    }

    /// Receives messages as Lambda does, has them processed, and deletes those that the function does not return.
    pub(crate) async fn poll(mut self) {
        loop {
            let received = self.receive();
            if received.is_empty() {
                let next_ms = self.world.lock().queue(ARCHIVE_QUEUE).next_visible_at_ms();
                let now_ms = clock::now_ms();
                let wait_ms =
                    next_ms.map_or(MINUTE_MS * 10, |next_ms| next_ms.saturating_sub(now_ms));
                self.world.wait_ms(wait_ms.min(MINUTE_MS * 10)).await;
                continue;
            }
            self.archive(received).await;
            self.world.wait_ms(1).await;
        }
    }

    fn receive(&mut self) -> Vec<Received> {
        let now_ms = clock::now_ms();
        let max = usize::try_from(self.dice.between(1, 10)).unwrap();
        let mut world = self.world.lock();
        let queue = world.queue(ARCHIVE_QUEUE);
        queue.receive(max, now_ms, VISIBILITY_MS, &mut self.dice)
    }

    async fn archive(&mut self, received: Vec<Received>) {
        let mut event = SqsEvent::default();
        event.records = received
            .iter()
            .map(|received| {
                let mut message = SqsMessage::default();
                message.message_id = Some(received.id.to_string());
                message.body = Some(received.message.body.clone());
                message
            })
            .collect();
        let context = context(ARCHIVER_TIMEOUT);
        let work =
            async |deps: &Deps| archiver::handle(deps, LambdaEvent::new(event, context)).await;
        let Some(Ok(response)) = self.invoke(ARCHIVER_TIMEOUT, work).await else {
            return;
        };
        let is_kept = |received: &Received| {
            let id = received.id.to_string();
            response
                .batch_item_failures
                .iter()
                .any(|failure| failure.item_identifier == id)
        };
        // Not at once, and not for sure.
        let wait_ms = self.dice.between(1, 100);
        self.world.wait_ms(wait_ms).await;
        for received in &received {
            if is_kept(received) {
                self.world
                    .note(format_args!("{}: keeps message {}", self.name, received.id));
            } else if !self.dice.chance(1, 20) {
                self.world.note(format_args!(
                    "{}: message {} is deleted",
                    self.name, received.id
                ));
                let mut world = self.world.lock();
                let queue = world.queue(ARCHIVE_QUEUE);
                queue.delete(received.id, received.receipt);
            }
        }
        self.world.check();
    }
}

fn context(limit: Duration) -> Context {
    let deadline_ms = (clock::now() + limit).unix_timestamp_nanos() / 1_000_000;
    let mut context = Context::default();
    context.deadline = deadline_ms.try_into().unwrap();
    context
}

/// The settings of a schedule.
pub(crate) fn config(dice: &mut Dice) -> Config {
    let hours: [u16; 2] = [1, 3];
    let hour = |dice: &mut Dice| dice.pick(&hours).to_string();
    let (compact_after, recompact_after) = (hour(dice), hour(dice));
    let pairs = [
        ("EVENTS_BUCKET", BUCKET),
        ("CLOSE_AFTER_HOURS", compact_after.as_str()),
        ("REOPEN_AFTER_HOURS", recompact_after.as_str()),
    ];
    Config::from_env(&Env::from_pairs(pairs)).unwrap()
}
