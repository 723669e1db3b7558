//! One queue message: what it is about, and how it ends.

use std::time::Duration;

use aws_io::{
    Disposition, Rejection, TimeBudget,
    notice::{self, Notice},
    rejected::{self, RejectedLine},
    s3::ObjectRef,
};
use boot::metrics::{Metric, Pipeline, Tally};
use event_store::LoadOutcome;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, error, info_span, warn};

use crate::{
    Deps,
    object::{ObjectError, load_object},
};

/// For writing one rejection down.
const REJECT_LIMIT: Duration = Duration::from_secs(5);

/// Works through the messages of one invocation, one after the other.
pub(crate) struct Worker<'a> {
    deps: &'a Deps,
    budget: TimeBudget,
    tally: Tally,
    is_database_away: bool,
}

/// Why a message is handed back although nothing is wrong with it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum NotNow {
    #[error("the time for beginning work is used up")]
    TooLate,
    #[error("the time for working is used up")]
    OutOfTime,
    #[error("the database was found to be away")]
    DatabaseAway,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(deps: &'a Deps, budget: TimeBudget) -> Self {
        Self {
            deps,
            budget,
            tally: Tally::default(),
            is_database_away: false,
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
        if let Some(reason) = self.reason_to_wait() {
            warn!(reason = %reason, "object is put off");
            return Disposition::Retry(reason.into());
        }
        let load = load_object(&self.deps.s3, &self.deps.store, object, (self.deps.clock)());
        match timeout_at(self.budget.work_until(), load).await {
            Ok(Ok(outcome)) => {
                self.count(&outcome);
                Disposition::Done
            }
            Ok(Err(error)) => self.end_of_failure(object, error).await,
            Err(_) => {
                warn!(reason = %NotNow::OutOfTime, "object is dropped");
                Disposition::Retry(NotNow::OutOfTime.into())
            }
        }
    }

    fn reason_to_wait(&self) -> Option<NotNow> {
        if self.is_database_away {
            Some(NotNow::DatabaseAway)
        } else if self.budget.allows_to_begin(Instant::now()) {
            None
        } else {
            Some(NotNow::TooLate)
        }
    }

    async fn end_of_failure(&mut self, object: &ObjectRef, failure: ObjectError) -> Disposition {
        if let Some(rejection) = failure.rejection() {
            return self.reject(rejection, &object.key, None).await;
        }
        if failure.is_outage() {
            self.is_database_away = true;
            warn!(error = %boot::chain(&failure), "database is away");
        } else {
            error!(error = %boot::chain(&failure), "object cannot be loaded now");
        }
        Disposition::Retry(failure.into())
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
        let pipeline = Pipeline::Sparkpost.as_str();
        let Deps {
            s3, bucket, clock, ..
        } = self.deps;
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

    fn count(&mut self, outcome: &LoadOutcome) {
        match *outcome {
            LoadOutcome::Loaded {
                inserted,
                duplicate,
                rejected,
            } => {
                self.tally
                    .add(Metric::Received, inserted + duplicate + rejected);
                self.tally.add(Metric::Stored, inserted);
                self.tally.add(Metric::Duplicate, duplicate);
                self.tally.add(Metric::Rejected, rejected);
            }
            // Its events were counted when it was loaded.
            LoadOutcome::AlreadyLoaded => {}
        }
    }
}
