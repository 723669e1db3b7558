//! The stack's own API, asked with the key of the scope `query`.

use std::time::Duration;

use access_keys::{KeysError, Scope, read_current_keys};
use audit::{API_PATH, Answer, Ask};
use backon::{ExponentialBuilder, Retryable};
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::Deps;

const READ_LIMIT: Duration = Duration::from_secs(5);
/// A run asks thousands of times, and shares the rate of searches with everybody: a refusal for a moment must not end it.
const MAX_RETRIES: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The API of this stack.
#[derive(Debug)]
pub(crate) struct StackApi {
    http: Client,
    url: String,
    key: SecretString,
}

/// Why the API gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The keys cannot be read. The error text contains none of them.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The gateway cannot be reached, or its response cannot be read.
    #[error("asking the stack's API")]
    Unreachable(#[source] reqwest::Error),
    /// The request was refused.
    #[error("the stack's API responded with {0}")]
    Refused(StatusCode),
}

impl ApiError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused(status) => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Keys(_) => false,
        }
    }
}

impl StackApi {
    /// With the current key.
    pub(crate) async fn open(deps: &Deps) -> Result<Self, ApiError> {
        let keys = read_current_keys(&deps.secrets, &deps.config.secret_id, READ_LIMIT).await?;
        Ok(Self {
            http: deps.http.clone(),
            url: format!("{}{API_PATH}", deps.config.api_origin),
            key: keys.key(Scope::Query),
        })
    }

    async fn ask_once(&self, body: &Value) -> Result<Answer, ApiError> {
        let unreachable = |error: reqwest::Error| ApiError::Unreachable(error.without_url());
        let response = self
            .http
            .post(&self.url)
            .header("authorization", self.key.expose_secret())
            .json(body)
            .send()
            .await
            .map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(ApiError::Refused(response.status()));
        }
        response.json().await.map_err(unreachable)
    }
}

impl Ask for StackApi {
    type Error = ApiError;

    async fn ask(&self, body: &Value) -> Result<Answer, ApiError> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_times(MAX_RETRIES);
        (|| self.ask_once(body))
            .retry(pauses)
            .sleep(tokio::time::sleep)
            .when(ApiError::may_pass)
            .await
    }
}
