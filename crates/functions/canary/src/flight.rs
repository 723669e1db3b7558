//! One run: post an event, then search until it is found.

use std::time::{Duration, SystemTime};

use access_keys::{
    Scope,
    keys::{KeyDocument, KeyDocumentError},
};
use aws_io::secrets::{self, SecretError, VersionStage};
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
/// Marks the canary's events; nobody else searches for it.
const CAMPAIGN: &str = "cistern-canary";

/// Which step failed.
#[derive(Debug, thiserror::Error)]
pub enum FlightError {
    /// The keys cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The secret is not a document of keys. The text never contains any of it.
    #[error("parsing the keys")]
    Keys(#[from] KeyDocumentError),
    /// The secret has no current version.
    #[error("the secret has no current version")]
    Empty,
    /// The gateway cannot be reached.
    #[error("{step}")]
    Unreachable {
        /// What was being done.
        step: &'static str,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// The gateway refused the request.
    #[error("{step}: the gateway answered {status}")]
    Refused {
        /// What was being done.
        step: &'static str,
        /// Its status.
        status: StatusCode,
    },
    /// The batch was accepted, and its event was not found.
    #[error("the event was not found within {} s", patience.as_secs())]
    Lost {
        /// How long the search lasted.
        patience: Duration,
    },
}

impl From<FlightError> for Diagnostic {
    fn from(error: FlightError) -> Self {
        Self {
            error_type: "FlightError".to_owned(),
            error_message: function_kit::chain(&error).to_string(),
        }
    }
}

/// One run. The invocation's id marks its event.
pub async fn handle(deps: &Deps, event: LambdaEvent<Value>) -> Result<(), FlightError> {
    let began = Instant::now();
    let result = fly(deps, &event.context.request_id).await;
    match &result {
        Ok(()) => info!(took_ms = began.elapsed().as_millis(), "event found"),
        Err(error) => error!(error = %function_kit::chain(error), "canary failed"),
    }
    result
}

async fn fly(deps: &Deps, id: &str) -> Result<(), FlightError> {
    let secret = secrets::read(
        &deps.secrets,
        &deps.config.secret_id,
        VersionStage::Current,
        READ_LIMIT,
    )
    .await?
    .ok_or(FlightError::Empty)?;
    let document = KeyDocument::parse(&secret)?;
    let message_id = format!("{CAMPAIGN}-{id}");

    post(deps, &document.key(Scope::Sparkpost), &message_id).await?;
    find(deps, &document.key(Scope::Query), &message_id).await
}

async fn post(deps: &Deps, key: &SecretString, message_id: &str) -> Result<(), FlightError> {
    const STEP: &str = "posting the batch";
    let sent = deps
        .http
        .post(&deps.config.webhook_url)
        .header("authorization", key.expose_secret())
        .header("x-messagesystems-batch-id", message_id)
        .json(&batch(message_id, (deps.clock)()))
        .send()
        .await;
    success(STEP, sent).map(|_| ())
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

async fn find(deps: &Deps, key: &SecretString, message_id: &str) -> Result<(), FlightError> {
    const STEP: &str = "searching the event";
    let patience = deps.config.patience;
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        let sent = deps
            .http
            .get(&deps.config.query_url)
            .query(&[("messages", message_id)])
            .header("authorization", key.expose_secret())
            .send()
            .await;
        let answer: Value = success(STEP, sent)?
            .json()
            .await
            .map_err(|error| unreachable(STEP, error))?;
        if answer["results"][0]["message_id"] == message_id {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    Err(FlightError::Lost { patience })
}

fn success(
    step: &'static str,
    sent: Result<Response, reqwest::Error>,
) -> Result<Response, FlightError> {
    let answer = sent.map_err(|error| unreachable(step, error))?;
    if answer.status() == StatusCode::OK {
        Ok(answer)
    } else {
        let status = answer.status();
        Err(FlightError::Refused { step, status })
    }
}

fn unreachable(step: &'static str, error: reqwest::Error) -> FlightError {
    let source = error.without_url();
    FlightError::Unreachable { step, source }
}
