//! Executes a run: creates its parts, drains the queue, and reports.

use function_kit::metrics::{Metric, Tally};
use tracing::info;

use crate::{
    acknowledger::Acknowledger,
    dispatcher::Dispatcher,
    drain::Drain,
    rate_limiter::RateLimiter,
    receiver::Receiver,
    report::{RunEnd, RunReport},
    run::Run,
    run_deadlines::RunDeadlines,
    storage::Storage,
};

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
