//! One question of the gateway, and its answer.

use std::{collections::HashMap, fmt, time::SystemTime};

use lambda_runtime::LambdaEvent;
use serde::{Deserialize, Serialize};
use tracing::{debug, error, info};

use crate::{Deps, KeysError, Scope, credential::presented_key};

/// What is needed of the gateway's question, payload format 2.0
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerRequest {
    #[serde(default)]
    route_key: String,
    #[serde(default)]
    headers: Option<HashMap<String, String>>,
}

/// The simple answer.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerResponse {
    /// Whether the request goes on.
    pub is_authorized: bool,
}

/// Why a request does not go on. Fixed texts, for the log.
enum Denial {
    Route,
    Credential,
    Key,
}

impl Denial {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Route => "route without a scope",
            Self::Credential => "no key in the header",
            Self::Key => "key does not open this scope",
        }
    }
}

/// Answers one event.
pub async fn handle(
    deps: &Deps,
    event: LambdaEvent<AuthorizerRequest>,
) -> Result<AuthorizerResponse, KeysError> {
    authorize(deps, &event.payload, (deps.clock)()).await
}

/// Answers one question asked at `now`, and logs the answer.
///
/// # Errors
/// When the keys cannot be known. The gateway makes that a 500.
pub async fn authorize(
    deps: &Deps,
    request: &AuthorizerRequest,
    now: SystemTime,
) -> Result<AuthorizerResponse, KeysError> {
    let is_authorized = match decide(deps, request, now).await {
        Ok(Ok(scope)) => {
            debug!(scope = scope.as_str(), "request allowed");
            true
        }
        Ok(Err(denial)) => {
            info!(
                reason = denial.as_str(),
                route = request.known_route(),
                "request denied"
            );
            false
        }
        Err(error) => {
            error!(error = %boot::chain(&error), "keys cannot be read");
            return Err(error);
        }
    };
    Ok(AuthorizerResponse { is_authorized })
}

async fn decide(
    deps: &Deps,
    request: &AuthorizerRequest,
    now: SystemTime,
) -> Result<Result<Scope, Denial>, KeysError> {
    let Some(scope) = Scope::of_route(&request.route_key) else {
        return Ok(Err(Denial::Route));
    };
    let Some(presented) = request.authorization().and_then(presented_key) else {
        return Ok(Err(Denial::Credential));
    };
    let is_open = deps.keys.open(scope, &presented, now).await?;
    Ok(if is_open { Ok(scope) } else { Err(Denial::Key) })
}

impl AuthorizerRequest {
    fn authorization(&self) -> Option<&str> {
        let headers = self.headers.as_ref()?;
        headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            .map(|(_, value)| value.as_str())
    }

    /// The scope's name stands for the route, so that nothing of the request is printed.
    fn known_route(&self) -> &'static str {
        Scope::of_route(&self.route_key).map_or("unknown", Scope::as_str)
    }
}

/// Without the headers, which hold keys.
impl fmt::Debug for AuthorizerRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizerRequest")
            .field("route_key", &self.route_key)
            .finish_non_exhaustive()
    }
}
