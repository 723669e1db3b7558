//! One invocation: some messages in, the ones to keep out.

use std::convert::Infallible;

use aws_io::{TimeBudget, disposition::settle_each};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use boot::metrics::Metric;
use lambda_runtime::LambdaEvent;
use tracing::{Instrument, info_span};

use crate::{Deps, message::Worker};

/// Loads what the messages of one event tell of. Never fails as a whole: what could not be done is named in the response,
/// and SQS sends it again.
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
