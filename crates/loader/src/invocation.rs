//! One invocation: some messages in, the ones to keep out.

use std::convert::Infallible;

use aws_io::s3::ObjectRef;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use event_store::{LoadOutcome, Trouble};
use lambda_runtime::LambdaEvent;
use object_worker::{Counts, Failure, OtherBuckets, Worker};
use tracing::{error, warn};

use crate::{
    Deps,
    object::{ObjectError, load_object},
};

/// Loads what the messages of one event tell of. Never fails as a whole: what could not be done is named in the response,
/// and SQS sends it again.
pub async fn handle(
    deps: &Deps,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Infallible> {
    let worker = Worker {
        s3: &deps.s3,
        bucket: &deps.bucket,
        metrics: &deps.metrics,
        clock: deps.clock,
        own_prefixes: &[],
        other_buckets: OtherBuckets::OnlyReplayed,
    };
    let settle = async |object: &ObjectRef| {
        let loaded = load_object(&deps.s3, &deps.store, object, (deps.clock)()).await;
        loaded
            .map(to_counts)
            .map_err(|error| log_failure(error, &deps.bucket))
    };
    Ok(worker.handle(event, settle).await)
}

fn to_counts(outcome: LoadOutcome) -> Option<Counts> {
    match outcome {
        LoadOutcome::Loaded {
            inserted,
            duplicate,
            rejected,
        } => Some(Counts {
            stored: inserted,
            duplicate,
            rejected,
        }),
        // Its events were counted when it was loaded.
        LoadOutcome::AlreadyLoaded => None,
    }
}

/// Logs an error that another attempt may not meet, and says what it means for the object and for the others.
fn log_failure(error: ObjectError, own_bucket: &str) -> Failure {
    if let Some(rejection) = error.rejection(own_bucket) {
        return Failure::Reject(rejection);
    }
    if let Some(trouble) = error.trouble_of_all() {
        if trouble == Trouble::Away {
            warn!(error = %boot::chain(&error), "database is away");
        } else {
            error!(error = %boot::chain(&error), "database lets nobody in until a setting is mended");
        }
        return Failure::Outage {
            what: "database",
            error: error.into(),
        };
    }
    error!(error = %boot::chain(&error), "object cannot be loaded now");
    Failure::Retry(error.into())
}
