//! The adapter of a function behind an HTTP API or a Function URL: from the gateway's event to a request, and from the response back.
//!
//! The gateway authorizes by route, so only that route and the gateway's own path determine what is called. Headers come from the
//! caller: none of them influences the address of the request that the router receives.

mod event;
mod path;
mod response;
mod route;

use axum::Router;
use lambda_runtime::{LambdaEvent, service_fn};
use tower::ServiceExt;

pub use event::{Caller, Event, RouteKey};
pub use path::{BadPath, normal_path};
pub use response::GatewayResponse;
pub use route::covers;

use crate::{BoxError, http::ApiError};

/// Serves invocations until the execution environment ends. `route_keys` are the keys of the gateway's routes to this function, as in
/// the template, and `$default` for a Function URL.
///
/// # Errors
/// When the runtime cannot be reached.
pub async fn serve(router: Router, route_keys: &[&str]) -> Result<(), BoxError> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event>| {
        Ok::<_, BoxError>(respond(router.clone(), route_keys, event.payload).await)
    }))
    .await
}

/// Responds to one event. A path that its route does not cover is refused before the router is called.
pub async fn respond(router: Router, route_keys: &[&str], event: Event) -> GatewayResponse {
    let response = match event.into_request(route_keys) {
        Ok(request) => match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Err(refusal) => axum::response::IntoResponse::into_response(ApiError::from(refusal)),
    };
    GatewayResponse::from_response(response).await
}

#[cfg(test)]
mod tests;
