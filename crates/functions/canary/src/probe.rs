//! One run: posts an event, then searches until it is found.

use std::time::{Duration, SystemTime};

use access_keys::{KeysError, Scope, read_current_keys};
use lambda_runtime::{Diagnostic, LambdaEvent};
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tracing::{error, info};

use crate::Deps;

const READ_LIMIT: Duration = Duration::from_secs(5);
/// Pause between two searches.
const PAUSE: Duration = Duration::from_secs(2);
/// The campaign of the events, which is reserved for them.
const CAMPAIGN: &str = "cistern-canary";

/// Which step failed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The keys cannot be read. The error text contains none of them.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The gateway cannot be reached.
    #[error("{step}")]
    Unreachable {
        /// The step that failed.
        step: &'static str,
        /// The cause.
        source: reqwest::Error,
    },
    /// The gateway refused the request.
    #[error("{step}: the gateway responded with {status}")]
    Refused {
        /// The step that failed.
        step: &'static str,
        /// The status of the response.
        status: StatusCode,
    },
    /// The batch was accepted, but a search did not find its event in time.
    #[error("the event was not found within {} s", timeout.as_secs())]
    NotFound {
        /// How long the search took.
        timeout: Duration,
    },
}

impl From<ProbeError> for Diagnostic {
    fn from(error: ProbeError) -> Self {
        Self {
            error_type: "ProbeError".to_owned(),
            error_message: function_kit::chain(&error).to_string(),
        }
    }
}

/// Runs the probe once. The event carries the invocation's id.
///
/// # Errors
/// The first step that failed.
pub async fn handle(deps: &Deps, event: LambdaEvent<Value>) -> Result<(), ProbeError> {
    let began = Instant::now();
    let result = run_probe(deps, &event.context.request_id).await;
    match &result {
        Ok(()) => info!(took_ms = began.elapsed().as_millis(), "event found"),
        Err(error) => error!(error = %function_kit::chain(error), "canary failed"),
    }
    result
}

async fn run_probe(deps: &Deps, id: &str) -> Result<(), ProbeError> {
    let keys = read_current_keys(&deps.secrets, &deps.config.secret_id, READ_LIMIT).await?;
    let message_id = format!("{CAMPAIGN}-{id}");

    post(deps, &keys.key(Scope::Sparkpost), &message_id).await?;
    find(deps, &keys.key(Scope::Query), &message_id).await
}

async fn post(deps: &Deps, key: &SecretString, message_id: &str) -> Result<(), ProbeError> {
    const STEP: &str = "posting the batch";
    let result = deps
        .http
        .post(&deps.config.webhook_url)
        .header("authorization", key.expose_secret())
        .header("x-messagesystems-batch-id", message_id)
        .json(&batch(message_id, (deps.clock)()))
        .send()
        .await;
    success(STEP, result).map(|_| ())
}

fn batch(message_id: &str, now: SystemTime) -> Value {
    let seconds = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    json!([{ "msys": { "message_event": {
        "type": "delivery",
        "event_id": message_id,
        "message_id": message_id,
        "campaign_id": CAMPAIGN,
        "rcpt_to": "canary@cistern.invalid",
        "timestamp": seconds.to_string(),
    }}}])
}

async fn find(deps: &Deps, key: &SecretString, message_id: &str) -> Result<(), ProbeError> {
    const STEP: &str = "searching for the event";
    let timeout = deps.config.timeout;
    let deadline = Instant::now() + timeout;
    while Instant::now() < deadline {
        let result = deps
            .http
            .get(&deps.config.query_url)
            .query(&[("messages", message_id)])
            .header("authorization", key.expose_secret())
            .send()
            .await;
        let response: Value = success(STEP, result)?
            .json()
            .await
            .map_err(|error| unreachable(STEP, error))?;
        if response["results"][0]["message_id"] == message_id {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    Err(ProbeError::NotFound { timeout })
}

fn success(
    step: &'static str,
    result: Result<Response, reqwest::Error>,
) -> Result<Response, ProbeError> {
    let response = result.map_err(|error| unreachable(step, error))?;
    if response.status() == StatusCode::OK {
        Ok(response)
    } else {
        let status = response.status();
        Err(ProbeError::Refused { step, status })
    }
}

fn unreachable(step: &'static str, error: reqwest::Error) -> ProbeError {
    let source = error.without_url();
    ProbeError::Unreachable { step, source }
}
