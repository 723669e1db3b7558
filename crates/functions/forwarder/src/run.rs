//! One run: what it works with, and what is said of it at its end.

use std::time::Duration;

use aws_io::{S3Client, SqsClient};
use event_mapping::Mapper;
use function_kit::metrics::{Metric, Metrics, Tally};
use time::OffsetDateTime;
use tracing::info;

use crate::{
    courier::Courier,
    destination::Destination,
    drain::Drain,
    flow::Flow,
    intake::Intake,
    release::Hiding,
    report::{RunEnd, RunReport},
    return_desk::ReturnDesk,
    settlement::UnknownUsers,
    storage::Storage,
    window::Window,
};

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
        let intake = Intake::new(
            self.sqs,
            self.queue_url,
            &flow,
            self.settings.hiding.past_the_run,
        );
        let desk = ReturnDesk::new(
            self.sqs,
            self.queue_url,
            &storage,
            self.metrics,
            self.clock,
            window,
            self.settings.hiding,
        );
        let mut drain = Drain::new(self, &flow, &courier, &storage, intake, desk);
        drain.drain().await;
        let end = drain.why_ended();
        self.report(&drain.desk, end, flow.requests())
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

pub(crate) fn unix_ms(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
