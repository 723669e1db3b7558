//! One run: from the queue to the destination, chunk by chunk.
//!
//! Three things go on side by side: a chunk is received, archived and mapped; the one before it is delivered; the
//! messages of the one before that are deleted or given back. So no more than two chunks are held, and events of one user
//! that are in different chunks still go out one after another.
//!
//! A run may be cut off anywhere. A message is deleted last, after it was archived, its events were taken and its
//! rejections written down, so what was cut off happens again, under the same ids.

use std::time::Duration;

use aws_io::{S3Client, SqsClient, queue::ReceivedMessage};
use boot::{
    chain,
    metrics::{Metric, Metrics, Tally},
};
use event_model::forwarding::Mapper;
use time::OffsetDateTime;
use tracing::{error, info};

use crate::{
    chunk::Chunk,
    courier::Courier,
    decision::Fate,
    destination::Destination,
    flow::Flow,
    intake::Intake,
    release::{GivenBack, Hiding},
    report::{RunEnd, RunReport},
    return_desk::ReturnDesk,
    settlement::{Terms, UnknownUsers, settle},
    storage::Storage,
    window::Window,
};

const QUEUE_FAILED: &str = "the queue could not be read";
const ARCHIVE_FAILED: &str = "received messages could not be archived";

/// What a run works with.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Where rejections and the archive go.
    pub s3: &'a S3Client,
    /// Where messages come from.
    pub sqs: &'a SqsClient,
    /// Bucket of the archive.
    pub bucket: &'a str,
    /// URL of the queue.
    pub queue_url: &'a str,
    /// Where events go.
    pub destination: &'a dyn Destination,
    /// What they become.
    pub mapper: &'a Mapper,
    /// The run's settings.
    pub settings: &'a RunSettings,
    /// Where numbers go.
    pub metrics: &'a Metrics,
    /// What time it is.
    pub clock: fn() -> OffsetDateTime,
    /// Front of the names of the run's objects: letters, digits, `.`, `_`, `-`; unique to the run.
    pub run_id: &'a str,
    /// For waits that are random to a degree.
    pub seed: u64,
}

/// How a run goes about its work.
#[derive(Clone, Copy, Debug)]
pub struct RunSettings {
    /// The oldest that an event may be sent at; `None` for any age.
    pub max_event_age: Option<Duration>,
    /// What becomes of events whose user the destination does not know.
    pub unknown_users: UnknownUsers,
    /// How long after its message was sent an event may wait for its user.
    pub unknown_user_patience: Duration,
    /// How long the answer to a request is waited for.
    pub request_timeout: Duration,
    /// How long messages are hidden from other runs.
    pub hiding: Hiding,
}

/// What receiving brought.
#[derive(Default)]
struct Received {
    /// What is archived, and may be worked on.
    chunk: Option<Chunk>,
    archived: u64,
    /// What is not archived, and goes back.
    given_back: Vec<(String, Duration)>,
}

/// A chunk and what became of its calls.
struct Delivered {
    chunk: Chunk,
    fates: Vec<Option<Fate>>,
}

impl Run<'_> {
    /// Drains the queue for as long as `window` allows.
    pub async fn drain(&self, window: Window) -> RunReport {
        let flow = Flow::new(window);
        let courier = Courier::new(
            self.destination,
            &flow,
            self.settings.request_timeout,
            self.seed,
        );
        let storage = Storage::new(self.s3, self.bucket, self.run_id);
        let mut intake = Intake::new(
            self.sqs,
            self.queue_url,
            &flow,
            self.settings.hiding.past_the_run,
        );
        let mut desk = ReturnDesk::new(
            self.sqs,
            self.queue_url,
            &storage,
            self.metrics,
            self.clock,
            window,
            self.settings.hiding,
        );

        let mut is_proven = false;
        let mut delivering: Option<Chunk> = None;
        let mut settling: Option<Delivered> = None;
        loop {
            let may_receive = intake.may_have_more()
                && flow.allows_to_receive()
                && (is_proven || (delivering.is_none() && settling.is_none()));
            if !may_receive && delivering.is_none() && settling.is_none() {
                break;
            }
            let receive = async {
                if may_receive {
                    self.receive(&mut intake, &flow, &storage).await
                } else {
                    Received::default()
                }
            };
            let deliver = async {
                let chunk = delivering.take()?;
                let fates = courier.deliver(&chunk.calls).await;
                Some(Delivered { chunk, fates })
            };
            let settle = async {
                if let Some(delivered) = settling.take() {
                    self.settle(&delivered, &flow, &courier, &mut desk).await;
                }
            };
            let (received, delivered, ()) =
                futures::future::join3(Box::pin(receive), Box::pin(deliver), Box::pin(settle))
                    .await;

            match &delivered {
                Some(delivered) if delivered.chunk.calls.is_empty() => intake.open_further(),
                Some(_) if flow.why_ended().is_none() => {
                    is_proven = true;
                    intake.open_fully();
                }
                _ => {}
            }
            desk.messages.archived += received.archived;
            desk.give_back(received.given_back).await;
            settling = delivered;
            delivering = received.chunk;
        }
        let still_full = if intake.may_have_more() {
            RunEnd::OutOfTime
        } else {
            RunEnd::QueueEmpty
        };
        self.report(
            &desk,
            flow.why_ended().unwrap_or(still_full),
            flow.requests(),
        )
    }

    /// Receives a chunk, archives it, and only then looks into it.
    async fn receive(
        &self,
        intake: &mut Intake<'_>,
        flow: &Flow,
        storage: &Storage<'_>,
    ) -> Received {
        let (messages, result) = intake.receive_chunk().await;
        if let Err(cause) = result {
            error!(error = %chain(&cause), "queue could not be read");
            flow.end(RunEnd::QueueFailed(QUEUE_FAILED.to_owned()));
        }
        if messages.is_empty() {
            return Received::default();
        }
        let count = messages.len() as u64;
        let now = (self.clock)();
        match storage.archive(&messages, now).await {
            Ok(source_key) => {
                let max_age = self.settings.max_event_age;
                let max_age_ms =
                    max_age.map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
                let chunk = Chunk::map(self.mapper, messages, source_key, unix_ms(now), max_age_ms);
                Received {
                    chunk: Some(chunk),
                    archived: count,
                    ..Received::default()
                }
            }
            Err(cause) => {
                error!(error = %chain(&cause), "received messages could not be archived");
                flow.end(RunEnd::ArchiveFailed(ARCHIVE_FAILED.to_owned()));
                Received {
                    given_back: messages
                        .into_iter()
                        .map(|message| self.back(message))
                        .collect(),
                    ..Received::default()
                }
            }
        }
    }

    async fn settle(
        &self,
        delivered: &Delivered,
        flow: &Flow,
        courier: &Courier<'_>,
        desk: &mut ReturnDesk<'_>,
    ) {
        let open_because = match flow.why_ended() {
            Some(RunEnd::OutOfTime | RunEnd::QueueEmpty) => GivenBack::OutOfTime,
            Some(
                RunEnd::DestinationUnavailable(_)
                | RunEnd::DestinationRefused(_)
                | RunEnd::QueueFailed(_)
                | RunEnd::ArchiveFailed(_),
            )
            | None => GivenBack::Trouble,
        };
        let now_ms = unix_ms((self.clock)());
        let terms = Terms {
            unknown_users: self.settings.unknown_users,
            unknown_user_patience: self.settings.unknown_user_patience,
            now_ms,
            open_because,
            hiding: self.settings.hiding,
        };
        let settlement = settle(&delivered.chunk, &delivered.fates, &terms);
        desk.take(settlement.settled).await;
        desk.give_back(settlement.given_back).await;
        if !settlement.unknown_users.is_empty() {
            courier.make_users(settlement.unknown_users, now_ms).await;
        }
    }

    fn back(&self, message: ReceivedMessage) -> (String, Duration) {
        let hiding = self.settings.hiding;
        (
            message.receipt,
            hiding.hidden_for(GivenBack::Trouble, message.receive_count),
        )
    }

    fn report(&self, desk: &ReturnDesk<'_>, end: RunEnd, requests: u64) -> RunReport {
        let mut tally = Tally::default();
        tally.add(Metric::MessagesArchived, desk.messages.archived);
        tally.add(
            Metric::Retried,
            desk.messages.given_back + desk.messages.not_deleted,
        );
        tally.add(
            Metric::DestinationRefused,
            u64::from(matches!(end, RunEnd::DestinationRefused(_))),
        );
        tally.add(
            Metric::DestinationUnavailable,
            u64::from(matches!(end, RunEnd::DestinationUnavailable(_))),
        );
        tally.add(Metric::RunsUnfinished, u64::from(end != RunEnd::QueueEmpty));
        self.metrics.emit(&tally, (self.clock)().into());
        let report = RunReport {
            end,
            events: desk.events.clone(),
            messages: desk.messages,
            requests,
        };
        info!(
            end = ?report.end,
            received = report.events.received(),
            sent = report.events.sent,
            messages.deleted = report.messages.deleted,
            messages.given_back = report.messages.given_back,
            requests,
            "run ended"
        );
        report
    }
}

fn unix_ms(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
