//! Handles one event of a gateway.

use std::time::SystemTime;

use access_keys::{KeysError, Scope, presented_key};
use lambda_runtime::{Diagnostic, LambdaEvent};
use tracing::{debug, error, info};

use crate::{
    AccessDecision, AuthorizerEvent, AuthorizerRequest, AuthorizerResponse, Deps, token_request,
};

/// The principal for callers whose scope is unknown.
const NOBODY: &str = "unknown";

/// Whether a request is allowed.
enum Verdict {
    Allowed,
    Denied(Denial),
}

/// Why a request is denied. Fixed texts, for the log.
enum Denial {
    Route,
    Address,
    Credential,
    Key,
}

impl Denial {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Route => "route without a scope",
            Self::Address => "address is in no network that may call this route",
            Self::Credential => "no key in the header",
            Self::Key => "key does not authorize this scope",
        }
    }
}

/// Why an event has no response. The gateway makes that a 500.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizerError {
    /// The keys cannot be read.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The event is neither an authorizer's nor a request for a token.
    #[error("the event is neither an authorizer's nor a request for a token")]
    UnknownEvent,
}

impl From<AuthorizerError> for Diagnostic {
    fn from(error: AuthorizerError) -> Self {
        Self {
            error_type: "AuthorizerError".to_owned(),
            error_message: function_kit::chain(&error).to_string(),
        }
    }
}

/// Handles one event.
///
/// # Errors
/// When the keys cannot be read, or the event has neither form.
pub async fn handle(
    deps: &Deps,
    event: LambdaEvent<AuthorizerEvent>,
) -> Result<AuthorizerResponse, AuthorizerError> {
    let now = (deps.clock)();
    match &event.payload {
        AuthorizerEvent::Authorize(request) => Ok(AuthorizerResponse::Authorize(
            authorize(deps, request, now).await?,
        )),
        AuthorizerEvent::Token(request) => Ok(AuthorizerResponse::Token(
            token_request::answer(deps, request, now).await?,
        )),
        AuthorizerEvent::Unknown => Err(AuthorizerError::UnknownEvent),
    }
}

/// Decides on one request at `now`, and logs the decision.
///
/// # Errors
/// When the keys cannot be read. The gateway makes that a 500.
pub async fn authorize(
    deps: &Deps,
    request: &AuthorizerRequest,
    now: SystemTime,
) -> Result<AccessDecision, KeysError> {
    let scope = Scope::of_route(&request.route_key());
    // The scope's name identifies the route, so that nothing of the request is logged.
    let scope_name = scope.map_or(NOBODY, Scope::as_str);
    let is_authorized = match decide(deps, request, scope, now).await {
        Ok(Verdict::Allowed) => {
            debug!(scope = scope_name, "request allowed");
            true
        }
        Ok(Verdict::Denied(denial)) => {
            info!(
                reason = denial.as_str(),
                route = scope_name,
                "request denied"
            );
            false
        }
        Err(error) => {
            error!(error = %function_kit::chain(&error), "keys cannot be read");
            return Err(error);
        }
    };
    Ok(AccessDecision::to(request, is_authorized, scope_name))
}

async fn decide(
    deps: &Deps,
    request: &AuthorizerRequest,
    scope: Option<Scope>,
    now: SystemTime,
) -> Result<Verdict, KeysError> {
    let Some(scope) = scope else {
        return Ok(Verdict::Denied(Denial::Route));
    };
    if scope == Scope::Sparkpost && !deps.sparkpost_networks.allow(request.source_ip()) {
        return Ok(Verdict::Denied(Denial::Address));
    }
    let Some(presented) = request.authorization().and_then(presented_key) else {
        return Ok(Verdict::Denied(Denial::Credential));
    };
    if deps.keys.authorizes(scope, &presented, now).await? {
        Ok(Verdict::Allowed)
    } else {
        Ok(Verdict::Denied(Denial::Key))
    }
}
