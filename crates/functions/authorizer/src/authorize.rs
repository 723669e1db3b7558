//! One question of a gateway, and its answer.

use std::time::SystemTime;

use access_keys::{KeysError, Scope, presented_key};
use lambda_runtime::{Diagnostic, LambdaEvent};
use tracing::{debug, error, info};

use crate::{Answer, AuthorizerRequest, AuthorizerResponse, Deps, Question, token_request};

/// The gateway's name for those whose scope is not known.
const NOBODY: &str = "unknown";

/// Why a request does not go on. Fixed texts, for the log.
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
            Self::Key => "key does not open this scope",
        }
    }
}

/// Why there is no answer, which the gateway makes a 500.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The keys cannot be known.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The event is no question of the gateway.
    #[error("the event is neither an authorizer's nor a request for a token")]
    Question,
}

impl From<Unanswered> for Diagnostic {
    fn from(error: Unanswered) -> Self {
        Self {
            error_type: "Unanswered".to_owned(),
            error_message: function_kit::chain(&error).to_string(),
        }
    }
}

/// Answers one event.
pub async fn handle(deps: &Deps, event: LambdaEvent<Question>) -> Result<Answer, Unanswered> {
    let now = (deps.clock)();
    match &event.payload {
        Question::Authorize(request) => Ok(Answer::Authorize(authorize(deps, request, now).await?)),
        Question::Token(request) => Ok(Answer::Token(
            token_request::answer(deps, request, now).await?,
        )),
        Question::Unknown => Err(Unanswered::Question),
    }
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
    let scope = Scope::of_route(&request.route_key());
    // The scope's name stands for the route, so that nothing of the request is printed.
    let scope_name = scope.map_or(NOBODY, Scope::as_str);
    let is_authorized = match decide(deps, request, scope, now).await {
        Ok(Ok(())) => {
            debug!(scope = scope_name, "request allowed");
            true
        }
        Ok(Err(denial)) => {
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
    Ok(AuthorizerResponse::to(request, is_authorized, scope_name))
}

async fn decide(
    deps: &Deps,
    request: &AuthorizerRequest,
    scope: Option<Scope>,
    now: SystemTime,
) -> Result<Result<(), Denial>, KeysError> {
    let Some(scope) = scope else {
        return Ok(Err(Denial::Route));
    };
    if scope == Scope::Sparkpost && !deps.sparkpost_networks.allow(request.source_ip()) {
        return Ok(Err(Denial::Address));
    }
    let Some(presented) = request.authorization().and_then(presented_key) else {
        return Ok(Err(Denial::Credential));
    };
    let is_open = deps.keys.open(scope, &presented, now).await?;
    Ok(if is_open { Ok(()) } else { Err(Denial::Key) })
}
