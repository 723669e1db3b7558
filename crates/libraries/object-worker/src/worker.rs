//! One invocation: processes a batch of messages, and returns those to keep.

use std::{collections::BTreeMap, time::Duration};

use aws_io::{
    S3Client,
    notification::{self, CreatedObject, Notification},
    s3::ObjectRef,
};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use event_model::{Counts, Pipeline, rejected::RejectedLine};
use function_kit::metrics::{Metric, Metrics, Tally};
use lambda_runtime::LambdaEvent;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, error, info, info_span, warn};

use crate::{
    EventMetrics, Failure, Rejection, TimeBudget, disposition::Disposition, order, write_rejected,
};

/// The time limit for writing one rejected line.
const REJECT_LIMIT: Duration = Duration::from_secs(5);

/// The dependencies of a function that processes S3 notifications.
#[derive(Clone, Copy, Debug)]
pub struct Worker<'a> {
    /// The client that writes rejected lines.
    pub s3: &'a S3Client,
    /// The function's own bucket, to which they are written.
    pub bucket: &'a str,
    /// The output of metrics: those of an object, and its rejected lines, by the pipeline of its key; those of a
    /// message by this pipeline.
    pub metrics: &'a Metrics,
    /// The metrics that count events.
    pub event_metrics: EventMetrics,
    /// The current time.
    pub clock: fn() -> OffsetDateTime,
    /// The prefixes that the function itself writes to. A notification about such an object is a mistake in the bucket's
    /// configuration; following it would be a loop.
    pub own_prefixes: &'a [&'a str],
    /// What to do with a notification about an object of another bucket.
    pub other_buckets: OtherBuckets,
}

/// What to do with a notification that names another bucket than the function's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherBuckets {
    /// Reject it: only a mistake sends it. An operator's replay is still followed.
    OnlyReplayed,
    /// Follow it: older buckets are part of the archive.
    Read,
}

impl Worker<'_> {
    /// Processes every object that the messages of one event name. `process` returns no counts for an object whose events were
    /// counted before.
    ///
    /// Never fails as a whole. The response names the messages to keep, which needs `ReportBatchItemFailures` on the event
    /// source (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
    pub async fn handle(
        self,
        mut event: LambdaEvent<SqsEvent>,
        process: impl AsyncFn(&ObjectRef) -> Result<Option<Counts>, Failure>,
    ) -> SqsBatchResponse {
        let mut invocation = Invocation {
            worker: self,
            process,
            budget: TimeBudget::until(event.context.deadline(), (self.clock)().into()),
            tallies: BTreeMap::new(),
            unavailable: None,
        };
        order::sort(&mut event.payload.records);
        let mut response = SqsBatchResponse::default();
        for message in event.payload.records {
            let span = info_span!("message", message.id = message.message_id);
            let end = invocation.message(&message).instrument(span).await;
            if end == Disposition::Retry {
                let tally = invocation.tallies.entry(self.metrics.pipeline());
                tally.or_default().add(Metric::Retried, 1);
                // A message without an id cannot be named. Lambda treats an empty name as a failure of the whole batch, which
                // loses nothing.
                response.add_failure(message.message_id.unwrap_or_default());
            }
        }
        for (pipeline, tally) in &invocation.tallies {
            self.metrics
                .of(*pipeline)
                .emit(tally, (self.clock)().into());
        }
        response
    }
}

/// The messages of one invocation, processed in sequence.
struct Invocation<'a, P> {
    worker: Worker<'a>,
    process: P,
    budget: TimeBudget,
    tallies: BTreeMap<Pipeline, Tally>,
    unavailable: Option<&'static str>,
}

/// Why an object is left for another invocation although nothing is wrong with it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Deferral {
    #[error("the time for starting work is used up")]
    TooLate,
    #[error("the time for working is used up")]
    OutOfTime,
    #[error("the {0} is unavailable")]
    Unavailable(&'static str),
}

impl<P> Invocation<'_, P>
where
    P: AsyncFn(&ObjectRef) -> Result<Option<Counts>, Failure>,
{
    async fn message(&mut self, message: &SqsMessage) -> Disposition {
        let message_id = message.message_id.as_deref().unwrap_or_default();
        let body = message.body.as_deref().unwrap_or_default();
        let objects = match notification::decode(body) {
            Ok(Notification::TestEvent) => return Disposition::Done,
            Ok(Notification::Created(objects)) => objects,
            Err(error) => {
                let rejection = Rejection {
                    reason: "not_a_notification",
                    detail: function_kit::chain(&error).to_string(),
                };
                let pipeline = self.worker.metrics.pipeline();
                return self
                    .reject(pipeline, &rejection, message_id, Some(body))
                    .await;
            }
        };
        let mut end = Disposition::Done;
        for object in objects {
            let span = info_span!("object", object.key = object.name.key);
            end = end.max(self.object(&object).instrument(span).await);
        }
        end
    }

    async fn object(&mut self, created: &CreatedObject) -> Disposition {
        let object = &created.name;
        let is_followed = created.is_replay || self.worker.other_buckets == OtherBuckets::Read;
        if object.bucket != self.worker.bucket && !is_followed {
            return self.reject_other_bucket(object).await;
        }
        if created.size_bytes == Some(0) {
            // Markers such as `_SUCCESS`, and the folders that consoles make.
            info!("empty object skipped");
            return Disposition::Done;
        }
        let is_own = |prefix: &&str| object.key.starts_with(*prefix);
        if self.worker.own_prefixes.iter().any(is_own) {
            warn!("notification about an object that this function wrote");
            return Disposition::Done;
        }
        if let Some(reason) = self.reason_to_defer() {
            warn!(reason = %reason, "object deferred");
            return Disposition::Retry;
        }
        // On the heap: nested any deeper, the futures below are more than the compiler follows.
        let processed = Box::pin((self.process)(object));
        match timeout_at(self.budget.work_until(), processed).await {
            Ok(Ok(counts)) => {
                if let Some(counts) = counts {
                    self.count(Pipeline::of_raw_key(&object.key), counts);
                }
                Disposition::Done
            }
            Ok(Err(Failure::Reject(rejection))) => {
                let pipeline = Pipeline::of_raw_key(&object.key);
                self.reject(pipeline, &rejection, &object.key, None).await
            }
            Ok(Err(Failure::Retry(_))) => Disposition::Retry,
            Ok(Err(Failure::Unavailable { what, .. })) => {
                self.unavailable = Some(what);
                Disposition::Retry
            }
            Err(_) => {
                warn!(reason = %Deferral::OutOfTime, "object cancelled");
                Disposition::Retry
            }
        }
    }

    /// The rejected line goes by the bucket and the key: two buckets may have objects of the same key.
    async fn reject_other_bucket(&mut self, object: &ObjectRef) -> Disposition {
        let rejection = Rejection {
            reason: "other_bucket",
            detail: format!(
                "the notification is about bucket {}, and this function processes {}: remove that bucket's notification, or copy the object here",
                object.bucket, self.worker.bucket
            ),
        };
        let pipeline = Pipeline::of_raw_key(&object.key);
        self.reject(pipeline, &rejection, &object.to_string(), None)
            .await
    }

    fn reason_to_defer(&self) -> Option<Deferral> {
        if let Some(what) = self.unavailable {
            Some(Deferral::Unavailable(what))
        } else if self.budget.allows_start(Instant::now()) {
            None
        } else {
            Some(Deferral::TooLate)
        }
    }

    fn count(&mut self, pipeline: Pipeline, counts: Counts) {
        let Counts {
            stored,
            duplicate,
            rejected,
            erased,
        } = counts;
        let metrics = self.worker.event_metrics;
        let tally = self.tallies.entry(pipeline).or_default();
        tally.add(metrics.received, stored + duplicate + rejected + erased);
        tally.add(metrics.stored, stored);
        tally.add(metrics.duplicate, duplicate);
        tally.add(metrics.rejected, rejected);
        // Nearly nobody is erased, and a metric costs a time series.
        if erased > 0 {
            tally.add(metrics.erased, erased);
        }
    }

    /// Writes a rejected line. The message may be acknowledged only after that.
    async fn reject(
        &mut self,
        pipeline: Pipeline,
        rejection: &Rejection,
        source_key: &str,
        item: Option<&str>,
    ) -> Disposition {
        let Rejection { reason, detail } = rejection;
        warn!(reason, detail, "rejected");
        let line = RejectedLine {
            reason,
            detail,
            source_key: Some(source_key),
            item,
            ..RejectedLine::default()
        };
        let Worker {
            s3, bucket, clock, ..
        } = self.worker;
        match write_rejected(s3, bucket, pipeline, &line, clock(), REJECT_LIMIT).await {
            Ok(_) => {
                let tally = self.tallies.entry(pipeline).or_default();
                tally.add(Metric::ObjectsRejected, 1);
                Disposition::Reject
            }
            Err(error) => {
                error!(error = %function_kit::chain(&error), "rejected line not written");
                Disposition::Retry
            }
        }
    }
}

#[cfg(test)]
mod tests;
