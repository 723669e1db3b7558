//! One queue message: what it is about, and how it ends.

use std::time::Duration;

use aws_io::{
    Disposition, Rejection, TimeBudget,
    notice::{self, Notice},
    rejected::{self, RejectedLine},
    s3::ObjectRef,
};
use boot::metrics::{Metric, Pipeline, Tally};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, error, info_span, warn};

use crate::{
    Deps,
    object::{Archived, ObjectError, archive},
};

/// For writing one rejection down.
const REJECT_LIMIT: Duration = Duration::from_secs(5);

/// What this crate writes itself. A notice about such an object is a mistake in the bucket's configuration, and to act on
/// it would be to go in circles.
const OWN_PREFIXES: [&str; 3] = ["lake/", "state/", "rejected/"];

/// Works through the messages of one invocation, one after the other.
pub(crate) struct Worker<'a> {
    deps: &'a Deps,
    budget: TimeBudget,
    tally: Tally,
}

/// Why a message is handed back although nothing is wrong with it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum NotNow {
    #[error("the time for beginning work is used up")]
    TooLate,
    #[error("the time for working is used up")]
    OutOfTime,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(deps: &'a Deps, budget: TimeBudget) -> Self {
        Self {
            deps,
            budget,
            tally: Tally::default(),
        }
    }

    /// The numbers of all messages so far.
    pub(crate) fn into_tally(self) -> Tally {
        self.tally
    }

    /// Brings one message to its end.
    pub(crate) async fn process(&mut self, message_id: &str, body: &str) -> Disposition {
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
            let span = info_span!("object", object.key = object.key);
            end = end.and(self.process_object(&object).instrument(span).await);
        }
        end
    }

    async fn process_object(&mut self, object: &ObjectRef) -> Disposition {
        if OWN_PREFIXES
            .iter()
            .any(|prefix| object.key.starts_with(prefix))
        {
            warn!("notice about an object of our own");
            return Disposition::Done;
        }
        if !self.budget.allows_to_begin(Instant::now()) {
            warn!(reason = %NotNow::TooLate, "object is put off");
            return Disposition::Retry(NotNow::TooLate.into());
        }
        match timeout_at(self.budget.work_until(), archive(self.deps, object)).await {
            Ok(Ok(archived)) => {
                self.count(archived);
                Disposition::Done
            }
            Ok(Err(failure)) => self.end_of_failure(object, failure).await,
            Err(_) => {
                warn!(reason = %NotNow::OutOfTime, "object is dropped");
                Disposition::Retry(NotNow::OutOfTime.into())
            }
        }
    }

    async fn end_of_failure(&mut self, object: &ObjectRef, failure: ObjectError) -> Disposition {
        if let Some(rejection) = failure.rejection() {
            return self.reject(rejection, &object.key, None).await;
        }
        error!(error = %boot::chain(&failure), "object cannot be archived now");
        Disposition::Retry(failure.into())
    }

    fn count(&mut self, archived: Archived) {
        let Archived {
            stored,
            duplicate,
            rejected,
        } = archived;
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
        let pipeline = Pipeline::Track.as_str();
        let Deps {
            s3, config, clock, ..
        } = self.deps;
        match rejected::write(s3, &config.bucket, pipeline, &line, clock(), REJECT_LIMIT).await {
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
