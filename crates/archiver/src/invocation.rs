//! Invocations: by the queue of new objects, and by the clock.

use std::convert::Infallible;

use aws_io::{TimeBudget, disposition::settle_each};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use boot::{BoxError, metrics::Metric};
use lambda_runtime::LambdaEvent;
use serde::de::IgnoredAny;
use tracing::{Instrument, info, info_span};

use crate::{Deps, compaction::compact, message::Worker};

/// Archives the objects that the messages of one event tell of. Never fails as a whole: what could not be done is named in
/// the response, and SQS sends it again.
pub async fn handle(
    deps: &Deps,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Infallible> {
    let budget = TimeBudget::until(event.context.deadline(), (deps.clock)().into());
    let mut worker = Worker::new(deps, budget);

    let outcomes = settle_each(event.payload, async |message_id, body| {
        let span = info_span!("message", message.id = message_id);
        worker.process(message_id, body).instrument(span).await
    })
    .await;

    let mut tally = worker.into_tally();
    tally.add(Metric::Retried, outcomes.retried);
    deps.metrics.emit(&tally, (deps.clock)().into());
    Ok(outcomes.response)
}

/// Some days cannot be merged.
#[derive(Debug, thiserror::Error)]
#[error("{failed_count} days cannot be closed, for the reasons in the log")]
struct DaysFailed {
    failed_count: usize,
}

/// Closes days. The schedule's event says nothing that matters.
///
/// # Errors
/// When the lake's state cannot be read or written, or a day cannot be merged: so that it shows in Lambda's error metric and
/// raises the alarm on it. What could be done is done.
pub async fn handle_schedule(deps: &Deps, event: LambdaEvent<IgnoredAny>) -> Result<(), BoxError> {
    let budget = TimeBudget::until(event.context.deadline(), (deps.clock)().into());
    let report = compact(deps, budget.begin_until()).await?;
    info!(
        merged_count = report.merged.len(),
        failed_count = report.failed.len(),
        put_off_count = report.put_off.len(),
        removed_count = report.removed_count,
        closing_count = report.closing_count,
        "compaction went on"
    );
    match report.failed.len() {
        0 => Ok(()),
        failed_count => Err(DaysFailed { failed_count }.into()),
    }
}
