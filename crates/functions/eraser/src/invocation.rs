//! Invocations: by the command that starts an erasure or goes on with it, and by the schedule.

use function_kit::BoxError;
use lambda_runtime::LambdaEvent;
use object_worker::{Shares, TimeBudget};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::error;

use crate::{
    Deps, EraserError,
    beginning::{Start, begin, settle},
    late::erase_late,
    run::advance,
    store::Folder,
};

/// An object of the lake may take minutes.
const SHARES: Shares = Shares {
    start: 0.5,
    work: 0.9,
};

/// What the command asks for. The schedule's event asks for nothing of this.
#[derive(Deserialize)]
struct Request {
    start: Option<Start>,
    #[serde(rename = "continue")]
    go_on: Option<String>,
}

/// Starts an erasure, or goes on with one, or with all.
///
/// # Errors
/// When something cannot be done now; the next invocation goes on.
pub async fn handle(deps: &Deps, event: LambdaEvent<Value>) -> Result<Value, BoxError> {
    let available = event
        .context
        .deadline()
        .duration_since((deps.clock)().into())
        .unwrap_or_default();
    let budget = TimeBudget::new(Instant::now(), available, SHARES);
    // What the parser says could quote a name.
    let request: Request = serde_json::from_value(event.payload)
        .map_err(|_| EraserError::Request("the request cannot be read".to_owned()))?;
    let done = process(deps, request, budget).await;
    done.map_err(|error| {
        error!(error = %function_kit::chain(&error), "erasure cannot go on now");
        error.into()
    })
}

async fn process(deps: &Deps, request: Request, budget: TimeBudget) -> Result<Value, EraserError> {
    if let Some(start) = request.start {
        begin(deps, start).await?;
        return Ok(json!({ "is_finished": false }));
    }
    if let Some(id) = request.go_on {
        let is_finished = match Box::pin(advance(deps, &id, budget)).await {
            // The command's answer is the receipt.
            Err(EraserError::Incomplete { .. }) => true,
            // It asks again, as long as the schedule's invocation works on the same erasure.
            Err(EraserError::Overtaken { .. }) => false,
            advanced => advanced?,
        };
        return Ok(json!({ "is_finished": is_finished }));
    }
    // What fails does not keep the others waiting.
    let mut outcome = erase_late(deps, budget).await;
    let folders = Folder::list(deps).await?;
    for id in folders.abandoned {
        outcome = outcome.and(Box::pin(settle(deps, &id)).await);
    }
    for id in folders.open {
        match Box::pin(advance(deps, &id, budget)).await {
            // The command's invocation works on it.
            Err(EraserError::Overtaken { .. }) => {}
            advanced => outcome = outcome.and(advanced.map(drop)),
        }
    }
    outcome.map(|()| json!({}))
}
