//! One invocation: a run for as long as there is time.

use std::time::{Duration, SystemTime};

use erasure::ListError;
use function_kit::chain;
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde_json::Value;
use time::{OffsetDateTime, macros::format_description};
use tokio::time::Instant;
use tracing::error;

use crate::{Deps, Run, RunDeadlines, RunEnd, deps::DestinationError, report::RunReport};

/// A run that failed for a reason that remains in later runs.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no usable destination.
    #[error("preparing the destination")]
    Destination(#[from] DestinationError),
    /// The list of erased people cannot be read, so nothing may be processed.
    #[error("leaving erased people out")]
    Erased(#[from] ListError),
    /// The destination refuses the key or the address.
    #[error(
        "the destination refuses requests ({0}); no message was deleted whose events it did not accept"
    )]
    Refused(String),
    /// The queue or the bucket failed.
    #[error("{0}")]
    Storage(String),
}

impl From<RunError> for Diagnostic {
    fn from(error: RunError) -> Self {
        let error_type = match &error {
            RunError::Destination(_) => "DestinationNotReady",
            RunError::Refused(_) => "DestinationRefused",
            RunError::Erased(_) | RunError::Storage(_) => "StorageFailed",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: chain(&error).to_string(),
        }
    }
}

/// Drains the queue. The event's content does not matter: the schedule and a person may invoke the function.
///
/// # Errors
/// When an operator must act. A run whose time is used up or whose destination is unavailable is not an error: the next run
/// continues.
pub async fn handle(deps: &Deps, event: LambdaEvent<Value>) -> Result<Value, RunError> {
    let now = (deps.clock)();
    let deadlines = RunDeadlines::new(Instant::now(), available(&event.context, now));
    let destination = deps.destination().await?;
    let erased = deps.erased.current().await?;
    let run_id = run_id(&event.context.request_id, now);
    let run = Run {
        s3: &deps.s3,
        sqs: &deps.sqs,
        bucket: &deps.config.bucket,
        queue_url: &deps.config.queue_url,
        erased: &erased,
        destination: destination.as_ref(),
        mapper: &deps.config.mapper,
        settings: &deps.config.run,
        metrics: &deps.metrics,
        clock: deps.clock,
        run_id: &run_id,
        seed: seed(&run_id),
    };
    let report = run.drain(deadlines).await;
    let result = response(&report);
    if let Err(cause) = &result {
        error!(error = %chain(cause), "run failed");
    }
    result
}

fn response(report: &RunReport) -> Result<Value, RunError> {
    match &report.end {
        RunEnd::QueueEmpty | RunEnd::OutOfTime | RunEnd::DestinationUnavailable(_) => {
            Ok(report.to_json())
        }
        RunEnd::DestinationRefused(detail) => Err(RunError::Refused(detail.clone())),
        RunEnd::QueueFailed(detail) | RunEnd::ArchiveFailed(detail) => {
            Err(RunError::Storage(detail.clone()))
        }
    }
}

fn available(context: &Context, now: OffsetDateTime) -> Duration {
    context
        .deadline()
        .duration_since(SystemTime::from(now))
        .unwrap_or(Duration::ZERO)
}

/// The prefix of the names of a run's objects: the time makes it unique when an invocation is repeated with its id.
fn run_id(request_id: &str, now: OffsetDateTime) -> String {
    let form =
        format_description!("[year][month][day]T[hour][minute][second][subsecond digits:3]Z");
    let time = now.to_utc().format(form).unwrap_or_default();
    let id: String = request_id
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(64)
        .collect();
    format!("{time}-{id}")
}

/// FNV-1a: only needs to give different runs different numbers.
fn seed(run_id: &str) -> u64 {
    run_id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn run_id_is_the_time_and_the_request() {
        let id = run_id(
            "8476a536-e9f4-11e8/../x",
            datetime!(2026-01-02 04:05:06.789 +1),
        );

        assert_eq!(id, "20260102T030506789Z-8476a536-e9f4-11e8x");
        assert_ne!(seed(&id), seed("20260102T030506790Z-8476a536-e9f4-11e8x"));
    }
}
