//! One invocation: processes a batch of messages, and returns those to keep.

use std::convert::Infallible;

use aws_io::s3::ObjectRef;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use event_model::Counts;
use event_store::{ErrorKind, LoadOutcome};
use lambda_runtime::LambdaEvent;
use object_worker::{EventMetrics, Failure, OtherBuckets, Worker};
use tracing::{error, warn};

use crate::{
    Deps,
    object::{ObjectError, load_object},
};

/// Loads the objects that the messages of one event name. Never fails as a whole: the response names the messages to
/// keep, and SQS delivers them again.
pub async fn handle(
    deps: &Deps,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Infallible> {
    let worker = Worker {
        s3: &deps.s3,
        bucket: &deps.bucket,
        metrics: &deps.metrics,
        event_metrics: EventMetrics::POSTGRES,
        clock: deps.clock,
        own_prefixes: &[],
        other_buckets: OtherBuckets::OnlyReplayed,
    };
    let load = async |object: &ObjectRef| {
        let loaded = load_object(deps, object, (deps.clock)()).await;
        loaded
            .map(to_counts)
            .map_err(|error| log_failure(error, &deps.bucket))
    };
    Ok(worker.handle(event, load).await)
}

fn to_counts(outcome: LoadOutcome) -> Option<Counts> {
    match outcome {
        LoadOutcome::Loaded(counts) => Some(counts),
        // Its events were counted when it was loaded.
        LoadOutcome::AlreadyLoaded => None,
    }
}

/// Logs an error that may be temporary, and decides what it means for this object and the others.
fn log_failure(error: ObjectError, own_bucket: &str) -> Failure {
    if let Some(rejection) = error.rejection(own_bucket) {
        return Failure::Reject(rejection);
    }
    if let Some(kind) = error.kind_if_all_fail() {
        if kind == ErrorKind::Unavailable {
            warn!(error = %function_kit::chain(&error), "database unavailable");
        } else {
            error!(error = %function_kit::chain(&error), "database refuses every login: a setting must be corrected");
        }
        return Failure::Unavailable {
            what: "database",
            error: error.into(),
        };
    }
    error!(error = %function_kit::chain(&error), "object not loaded");
    Failure::Retry(error.into())
}
