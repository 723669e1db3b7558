//! One run: what it needs, and the report at its end.

use std::time::Duration;

use aws_io::{S3Client, SqsClient};
use event_mapping::Mapper;
use function_kit::metrics::{Metric, Metrics, Tally};
use time::OffsetDateTime;
use tracing::info;

use crate::{
    acknowledger::Acknowledger,
    destination::Destination,
    dispatcher::Dispatcher,
    drain::Drain,
    rate_limiter::RateLimiter,
    receiver::Receiver,
    report::{RunEnd, RunReport},
    resolution::UnknownUsers,
    run_deadlines::RunDeadlines,
    storage::Storage,
    visibility::VisibilityBackoff,
};

/// What a run needs.
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
    /// Where metrics are written.
    pub metrics: &'a Metrics,
    /// The current time.
    pub clock: fn() -> OffsetDateTime,
    /// Front of the names of the run's objects: letters, digits, `.`, `_`, `-`; unique to the run.
    pub run_id: &'a str,
    /// Seed of the random part of waits.
    pub seed: u64,
}

/// The settings of a run.
#[derive(Clone, Copy, Debug)]
pub struct RunSettings {
    /// The oldest that an event may be sent at; `None` for any age.
    pub max_event_age: Option<Duration>,
    /// What becomes of events whose user the destination does not know.
    pub unknown_users: UnknownUsers,
    /// How long after its message was sent an event may wait for its user.
    pub unknown_user_patience: Duration,
    /// The timeout of a request.
    pub request_timeout: Duration,
    /// The visibility timeouts of released messages.
    pub visibility: VisibilityBackoff,
}

impl Run<'_> {
    /// Drains the queue until the deadlines.
    pub async fn drain(&self, deadlines: RunDeadlines) -> RunReport {
        let limiter = RateLimiter::new(deadlines);
        let dispatcher = Dispatcher::new(
            self.destination,
            &limiter,
            self.settings.request_timeout,
            self.seed,
        );
        let storage = Storage::new(self.s3, self.bucket, self.run_id);
        let receiver = Receiver::new(
            self.sqs,
            self.queue_url,
            &limiter,
            self.settings.visibility.past_the_run,
        );
        let acknowledger = Acknowledger::new(
            self.sqs,
            self.queue_url,
            &storage,
            self.metrics,
            self.clock,
            deadlines,
            self.settings.visibility,
        );
        let mut drain = Drain::new(
            self,
            &limiter,
            &dispatcher,
            &storage,
            receiver,
            acknowledger,
        );
        drain.drain().await;
        let end = drain.why_ended();
        self.report(&drain.acknowledger, end, limiter.requests())
    }

    fn report(&self, acknowledger: &Acknowledger<'_>, end: RunEnd, requests: u64) -> RunReport {
        let mut tally = Tally::default();
        tally.add(Metric::MessagesArchived, acknowledger.messages.archived);
        tally.add(
            Metric::Retried,
            acknowledger.messages.released + acknowledger.messages.not_deleted,
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
            events: acknowledger.events.clone(),
            messages: acknowledger.messages,
            requests,
        };
        info!(
            end = ?report.end,
            received = report.events.received(),
            sent = report.events.sent,
            messages.deleted = report.messages.deleted,
            messages.released = report.messages.released,
            requests,
            "run ended"
        );
        report
    }
}

pub(crate) fn unix_ms(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
