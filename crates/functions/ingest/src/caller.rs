//! Authentication of the sender.
//!
//! The function checks the key itself, because an HTTP API makes every refusal of its authorizer a 403, while SparkPost
//! requests a new OAuth token only after 400 or 401: behind an authorizer such a webhook would stop when its first
//! token expires.

use access_keys::{Admission, Scope, presented_key};
use axum::http::{HeaderMap, header};
use function_kit::ApiError;

use crate::{Deps, config::RETRY_AFTER_SECONDS};

/// Refuses a request without a key of the scope, or from a network that is not allowed. Does not read the body.
///
/// # Errors
/// 403 for another network and for the key of another scope, 401 for an unknown key or none, and 503 if the keys cannot
/// be read, so that no sender gives up.
pub(crate) async fn check(
    deps: &Deps,
    source_ip: &str,
    headers: &HeaderMap,
) -> Result<(), ApiError> {
    if !deps.config.networks.allow(source_ip) {
        return Err(ApiError::forbidden(
            "this address is in no network that may call",
        ));
    }
    let authorization = headers.get(header::AUTHORIZATION);
    let presented = authorization
        .and_then(|value| value.to_str().ok())
        .and_then(presented_key);
    let Some(presented) = presented else {
        return Err(ApiError::unauthorized("send the key as Authorization"));
    };
    let now = (deps.clock)().into();
    match deps.keys.admit(Scope::Sparkpost, &presented, now).await {
        Ok(Admission::Opens) => Ok(()),
        Ok(Admission::OfAnotherScope) => Err(ApiError::forbidden(
            "the key is one of another scope than sparkpost",
        )),
        Ok(Admission::Unknown) => Err(ApiError::unauthorized(
            "the key is not known, or the token has expired",
        )),
        Err(error) => Err(ApiError::unavailable(RETRY_AFTER_SECONDS, error)),
    }
}
