//! One invocation: some messages in, the ones to keep out.

use std::{
    convert::Infallible,
    time::{Duration, SystemTime},
};

use aws_io::disposition::collect;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use boot::metrics::Metric;
use lambda_runtime::LambdaEvent;
use tokio::time::Instant;
use tracing::{Instrument, info_span};

use crate::{Deps, message::Worker, time_budget::TimeBudget};

/// Loads what the messages of one event tell of. Never fails as a whole: what could not be done is named in the response,
/// and SQS sends it again.
pub async fn handle(
    deps: &Deps,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Infallible> {
    let now = SystemTime::from((deps.clock)());
    let available = event
        .context
        .deadline()
        .duration_since(now)
        .unwrap_or(Duration::ZERO);
    let mut worker = Worker::new(deps, TimeBudget::new(Instant::now(), available));

    let mut ends = Vec::with_capacity(event.payload.records.len());
    for message in event.payload.records {
        let message_id = message.message_id.as_deref().unwrap_or_default();
        let span = info_span!("message", message.id = message_id);
        let end = worker
            .process(message_id, message.body.as_deref().unwrap_or_default())
            .instrument(span)
            .await;
        ends.push((message.message_id, end));
    }

    let outcomes = collect(ends);
    let mut tally = worker.into_tally();
    tally.add(Metric::Retried, outcomes.retried);
    deps.metrics.emit(&tally, (deps.clock)().into());
    Ok(outcomes.response)
}
