//! One invocation: some messages in, the ones to keep out.

use std::time::Duration;

use aws_io::{
    Disposition, Rejection, S3Client, TimeBudget,
    disposition::settle_each,
    notice::{self, CreatedObject, Notice},
    rejected::{self, RejectedLine},
    s3::ObjectRef,
};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use boot::metrics::{Metric, Metrics, Tally};
use lambda_runtime::LambdaEvent;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, error, info, info_span, warn};

use crate::{Counts, Failure, order};

/// For writing one rejection down.
const REJECT_LIMIT: Duration = Duration::from_secs(5);

/// What a function that works through notices works with.
#[derive(Clone, Copy, Debug)]
pub struct Worker<'a> {
    /// The client for writing rejections down.
    pub s3: &'a S3Client,
    /// The function's own bucket, in which they are written.
    pub bucket: &'a str,
    /// Where numbers go. Rejections are written down under the name of the same pipeline.
    pub metrics: &'a Metrics,
    /// What time it is.
    pub clock: fn() -> OffsetDateTime,
    /// Where the function itself writes. A notice about such an object is a mistake in the bucket's configuration, and to
    /// act on it would be to go in circles.
    pub own_prefixes: &'a [&'a str],
    /// What a notice about an object of another bucket is worth.
    pub other_buckets: OtherBuckets,
}

/// What is done about a notice that names another bucket than the function's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherBuckets {
    /// It is rejected: nothing but a mistake sends it. Only an operator's replay is followed.
    OnlyReplayed,
    /// It is followed, as older buckets have a place in the archive.
    Read,
}

impl Worker<'_> {
    /// Has every object settled that the messages of one event tell of; `settle` gives no counts for an object whose events
    /// were counted before. Never fails as a whole: what could not be done is named in the response, and SQS sends it again.
    pub async fn handle(
        self,
        mut event: LambdaEvent<SqsEvent>,
        settle: impl AsyncFn(&ObjectRef) -> Result<Option<Counts>, Failure>,
    ) -> SqsBatchResponse {
        let mut invocation = Invocation {
            worker: self,
            settle,
            budget: TimeBudget::until(event.context.deadline(), (self.clock)().into()),
            tally: Tally::default(),
            away: None,
        };

        order::sort(&mut event.payload.records);
        let outcomes = settle_each(event.payload, async |message_id, body| {
            let span = info_span!("message", message.id = message_id);
            invocation.process(message_id, body).instrument(span).await
        })
        .await;

        let mut tally = invocation.tally;
        tally.add(Metric::Retried, outcomes.retried);
        self.metrics.emit(&tally, (self.clock)().into());
        outcomes.response
    }
}

/// The messages of one invocation, one after the other.
struct Invocation<'a, S> {
    worker: Worker<'a>,
    settle: S,
    budget: TimeBudget,
    tally: Tally,
    away: Option<&'static str>,
}

/// Why an object is handed back although nothing is wrong with it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum NotNow {
    #[error("the time for beginning work is used up")]
    TooLate,
    #[error("the time for working is used up")]
    OutOfTime,
    #[error("the {0} was found to be away")]
    Away(&'static str),
}

impl<S> Invocation<'_, S>
where
    S: AsyncFn(&ObjectRef) -> Result<Option<Counts>, Failure>,
{
    /// Brings one message to its end.
    async fn process(&mut self, message_id: &str, body: &str) -> Disposition {
        let objects = match notice::decode(body) {
            Ok(Notice::TestEvent) => return Disposition::Done,
            Ok(Notice::Created(objects)) => objects,
            Err(error) => {
                let rejection = Rejection {
                    reason: "not_a_notice",
                    detail: boot::chain(&error).to_string(),
                };
                return self.reject(rejection, message_id, Some(body)).await;
            }
        };
        let mut end = Disposition::Done;
        for object in objects {
            let span = info_span!("object", object.key = object.name.key);
            end = end.and(self.process_object(&object).instrument(span).await);
        }
        end
    }

    async fn process_object(&mut self, created: &CreatedObject) -> Disposition {
        let object = &created.name;
        if object.bucket != self.worker.bucket {
            let is_taken = match self.worker.other_buckets {
                OtherBuckets::OnlyReplayed => created.is_replay,
                OtherBuckets::Read => true,
            };
            if !is_taken {
                return self.reject_other_bucket(object).await;
            }
        }
        if created.size_bytes == Some(0) {
            // Markers such as `_SUCCESS`, and the folders that consoles make.
            info!("object without a byte is passed over");
            return Disposition::Done;
        }
        let is_own = |prefix: &&str| object.key.starts_with(*prefix);
        if self.worker.own_prefixes.iter().any(is_own) {
            warn!("notice about an object of our own");
            return Disposition::Done;
        }
        if let Some(reason) = self.reason_to_wait() {
            warn!(reason = %reason, "object is put off");
            return Disposition::Retry(reason.into());
        }
        // On the heap: nested any deeper, the futures below are more than the compiler follows.
        let settled = Box::pin((self.settle)(object));
        match timeout_at(self.budget.work_until(), settled).await {
            Ok(Ok(Some(counts))) => {
                self.count(counts);
                Disposition::Done
            }
            Ok(Ok(None)) => Disposition::Done,
            Ok(Err(Failure::Reject(rejection))) => self.reject(rejection, &object.key, None).await,
            Ok(Err(Failure::Retry(error))) => Disposition::Retry(error),
            Ok(Err(Failure::Outage { what, error })) => {
                self.away = Some(what);
                Disposition::Retry(error)
            }
            Err(_) => {
                warn!(reason = %NotNow::OutOfTime, "object is dropped");
                Disposition::Retry(NotNow::OutOfTime.into())
            }
        }
    }

    /// The name tells the whole of it, so the rejection is written down under that: the keys of two buckets may be alike.
    async fn reject_other_bucket(&mut self, object: &ObjectRef) -> Disposition {
        let rejection = Rejection {
            reason: "other_bucket",
            detail: format!(
                "the notice is about bucket {}, and this function works on {}: remove that bucket's notification, or copy the object here",
                object.bucket, self.worker.bucket
            ),
        };
        self.reject(rejection, &object.to_string(), None).await
    }

    fn reason_to_wait(&self) -> Option<NotNow> {
        if let Some(what) = self.away {
            Some(NotNow::Away(what))
        } else if self.budget.allows_to_begin(Instant::now()) {
            None
        } else {
            Some(NotNow::TooLate)
        }
    }

    fn count(&mut self, counts: Counts) {
        let Counts {
            stored,
            duplicate,
            rejected,
        } = counts;
        self.tally
            .add(Metric::Received, stored + duplicate + rejected);
        self.tally.add(Metric::Stored, stored);
        self.tally.add(Metric::Duplicate, duplicate);
        self.tally.add(Metric::Rejected, rejected);
    }

    /// Writes a rejection down. Only then may the message go.
    async fn reject(
        &mut self,
        rejection: Rejection,
        source_key: &str,
        item: Option<&str>,
    ) -> Disposition {
        warn!(
            reason = rejection.reason,
            detail = rejection.detail,
            "rejected"
        );
        let line = RejectedLine {
            reason: rejection.reason,
            detail: &rejection.detail,
            source_key,
            ordinal: None,
            item,
        };
        let Worker {
            s3,
            bucket,
            metrics,
            clock,
            ..
        } = self.worker;
        let pipeline = metrics.pipeline().as_str();
        match rejected::write(s3, bucket, pipeline, &line, clock(), REJECT_LIMIT).await {
            Ok(_) => {
                self.tally.add(Metric::ObjectsRejected, 1);
                Disposition::Reject(rejection)
            }
            Err(error) => {
                error!(error = %boot::chain(&error), "rejection cannot be written down now");
                Disposition::Retry(error.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use aws_io::Aws;
    use aws_lambda_events::event::sqs::SqsMessage;
    use boot::{capture::Capture, metrics::Pipeline};
    use lambda_runtime::Context;

    use super::*;

    const COUNTS: Counts = Counts {
        stored: 3,
        duplicate: 2,
        rejected: 1,
    };

    /// Delivers one message for each list of keys. Returns the places of those that are to be sent again, the keys that came
    /// to be settled, and the number of events received.
    async fn deliver(
        messages: &[&[&str]],
        available: Duration,
        settle: impl AsyncFn(&str) -> Result<Option<Counts>, Failure>,
    ) -> (Vec<String>, Vec<String>, Option<u64>) {
        let mut event = SqsEvent::default();
        for (place, keys) in messages.iter().enumerate() {
            let mut message = SqsMessage::default();
            message.message_id = Some(place.to_string());
            message.body = Some(notice(keys));
            event.records.push(message);
        }
        let mut context = Context::default();
        context.deadline = available.as_millis().try_into().unwrap();
        let capture = Capture::default();
        let worker = Worker {
            s3: &Aws::local("http://127.0.0.1:9").await.s3(),
            bucket: "b",
            metrics: &Metrics::to(Pipeline::Track, capture.clone()),
            clock: || OffsetDateTime::UNIX_EPOCH,
            own_prefixes: &["lake/"],
            other_buckets: OtherBuckets::OnlyReplayed,
        };
        let keys = RefCell::new(Vec::new());

        let response = worker
            .handle(LambdaEvent::new(event, context), async |object| {
                keys.borrow_mut().push(object.key.clone());
                settle(&object.key).await
            })
            .await;

        let failures = response.batch_item_failures.into_iter();
        let numbers: serde_json::Value = serde_json::from_str(&capture.text()).unwrap();
        (
            failures.map(|failure| failure.item_identifier).collect(),
            keys.into_inner(),
            numbers["received"].as_u64(),
        )
    }

    fn notice(keys: &[&str]) -> String {
        let record = |key: &&str| {
            serde_json::json!({
                "eventName": "ObjectCreated:Put",
                "s3": { "bucket": { "name": "b" }, "object": { "key": key } },
            })
        };
        serde_json::json!({ "Records": keys.iter().map(record).collect::<Vec<_>>() }).to_string()
    }

    #[tokio::test]
    async fn message_ends_as_the_worst_of_its_objects_and_settles_them_all() {
        let messages: [&[&str]; 2] = [&["a", "bad", "b"], &["c"]];

        let (retried, settled, received) =
            deliver(&messages, Duration::from_mins(1), async |key| match key {
                "bad" => Err(Failure::Retry("refused".into())),
                _ => Ok(Some(COUNTS)),
            })
            .await;

        assert_eq!(retried, ["0"]);
        assert_eq!(settled, ["a", "bad", "b", "c"]);
        assert_eq!(received, Some(18));
    }

    #[tokio::test]
    async fn after_an_outage_everything_else_is_put_off() {
        let messages: [&[&str]; 2] = [&["a", "b"], &["c"]];

        let (retried, settled, received) = deliver(&messages, Duration::from_mins(1), async |_| {
            Err(Failure::Outage {
                what: "database",
                error: "refused".into(),
            })
        })
        .await;

        assert_eq!(retried, ["0", "1"]);
        assert_eq!(settled, ["a"]);
        assert_eq!(received, None);
    }

    #[tokio::test]
    async fn objects_of_our_own_are_done_even_when_it_is_too_late_for_others() {
        let messages: [&[&str]; 2] = [&["lake/a"], &["raw/a"]];

        let (retried, settled, _) = deliver(&messages, Duration::ZERO, async |_| Ok(None)).await;

        assert_eq!(retried, ["1"]);
        assert!(settled.is_empty());
    }
}
