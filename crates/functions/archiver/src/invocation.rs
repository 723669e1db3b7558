//! Invocations: by the queue of new objects, and by the schedule.

use std::convert::Infallible;

use aws_io::s3::ObjectRef;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use function_kit::BoxError;
use lambda_runtime::LambdaEvent;
use object_worker::{EventMetrics, Failure, OtherBuckets, TimeBudget, Worker};
use serde::de::IgnoredAny;
use tracing::{error, info};

use crate::{
    Deps,
    compaction::compact,
    object::{ObjectError, archive},
};

/// Prefixes of the objects that this crate writes; notifications about them are ignored.
const OWN_PREFIXES: [&str; 3] = ["lake/", "state/", "rejected/"];

/// Archives the objects that the messages of one event name. Never fails as a whole: the response names the messages to retry, and
/// SQS delivers them again.
pub async fn handle(
    deps: &Deps,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Infallible> {
    let worker = Worker {
        s3: &deps.s3,
        bucket: &deps.config.bucket,
        metrics: &deps.metrics,
        event_metrics: EventMetrics::LAKE,
        clock: deps.clock,
        own_prefixes: &OWN_PREFIXES,
        other_buckets: OtherBuckets::Read,
    };
    let process = async |object: &ObjectRef| {
        let archived = archive(deps, object).await;
        archived
            .map(Some)
            .map_err(|error| log_failure(error, &deps.config.bucket))
    };
    Ok(worker.handle(event, process).await)
}

/// Decides what an error means for the object, and logs it if the object is retried.
fn log_failure(error: ObjectError, own_bucket: &str) -> Failure {
    if let Some(rejection) = error.rejection(own_bucket) {
        return Failure::Reject(rejection);
    }
    error!(error = %function_kit::chain(&error), "object cannot be archived now");
    Failure::Retry(error.into())
}

/// Some days, months or tables cannot be compacted.
#[derive(Debug, thiserror::Error)]
#[error(
    "{failed_count} days or months and the tables {failed_tables:?} could not be compacted; the log has the reasons"
)]
struct CompactionFailed {
    failed_count: usize,
    failed_tables: Vec<String>,
}

/// Compacts days and months. The content of the schedule's event is ignored.
///
/// # Errors
/// When the lake's state cannot be read or written, or a day or month cannot be compacted, so that Lambda's error metric counts
/// it and its alarm fires. Everything else has been done by then.
pub async fn handle_schedule(deps: &Deps, event: LambdaEvent<IgnoredAny>) -> Result<(), BoxError> {
    let budget = TimeBudget::until(event.context.deadline(), (deps.clock)().into());
    let report = compact(deps, budget.start_until()).await;
    info!(
        merged_count = report.merged.len(),
        month_count = report.months.len(),
        failed_count = report.failed.len(),
        postponed_count = report.postponed.len(),
        removed_count = report.removed_count,
        in_progress_count = report.in_progress_count,
        "compaction run finished"
    );
    let failed_count = report.failed.len();
    let failed_tables = report.failed_tables;
    if failed_count == 0 && failed_tables.is_empty() {
        Ok(())
    } else {
        Err(CompactionFailed {
            failed_count,
            failed_tables,
        }
        .into())
    }
}
