//! The routes, and what is refused before any of them.

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use event_query::Dialect;
use function_kit::{ApiError, http::ErrorItem};

use crate::{Deps, counts, health, meta, search};

/// The longest path and query that is looked at; SparkPost documents this limit.
const MAX_URI_BYTES: usize = 4096;

/// The gateway's routes that lead here. Those without an authorizer name one path each, so that nothing else is reached by
/// them.
pub const ROUTES: [&str; 8] = [
    "ANY /api/{proxy+}",
    // As it was called before: between the two halves of an update, events still name it.
    "ANY /api/v1/{proxy+}",
    "GET /healthz",
    "HEAD /healthz",
    "GET /healthz/{proxy+}",
    "HEAD /healthz/{proxy+}",
    "GET /openapi.json",
    "GET /openapi.json/{proxy+}",
];

/// The function as an HTTP service.
///
/// Bodies are not read, as php-sparkpost sends one with each GET, and `Accept` is not looked at, as java-sparkpost
/// asks for pictures.
pub fn router(deps: Deps) -> Router {
    let mut router = Router::new();
    for (path, method) in routes() {
        // SparkPost's API conventions: a trailing slash is ignored. Behind the gateway there is none any more.
        router = router
            .route(&format!("{path}/"), method.clone())
            .route(path, method);
    }
    router
        .fallback(|| async { ApiError::not_found() })
        .layer(middleware::from_fn(refuse_long_uri))
        .with_state(deps)
}

fn routes() -> [(&'static str, MethodRouter<Deps>); 10] {
    let only_get = |method: MethodRouter<Deps>| {
        method.fallback(|| async { ApiError::method_not_allowed("GET, HEAD") })
    };
    [
        (Dialect::Events.path(), only_get(get(search::search_events))),
        (
            "/api/v1/events/message/{event_id}",
            only_get(get(search::show_event)),
        ),
        (
            "/api/v1/events/message/documentation",
            only_get(get(meta::documentation)),
        ),
        (
            "/api/v1/events/message/samples",
            only_get(get(meta::samples)),
        ),
        (counts::PATH, only_get(get(counts::count_groups))),
        (
            Dialect::MessageEvents.path(),
            only_get(get(search::search_message_events)),
        ),
        (
            "/api/v1/message-events/events/documentation",
            only_get(get(meta::documentation)),
        ),
        (
            "/api/v1/message-events/events/samples",
            only_get(get(meta::older_samples)),
        ),
        ("/openapi.json", only_get(get(meta::openapi))),
        ("/healthz", only_get(get(health::check))),
    ]
}

async fn refuse_long_uri(request: Request, next: Next) -> Response {
    let length = request
        .uri()
        .path_and_query()
        .map_or(0, |uri| uri.as_str().len());
    if length > MAX_URI_BYTES {
        let item = ErrorItem::new("uri too long").description(
            "path and query may be 4096 bytes long together; split the lists of values",
        );
        return ApiError::new(StatusCode::URI_TOO_LONG, item).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_in_the_openapi_document() {
        let document: serde_json::Value = serde_json::from_str(meta::OPENAPI).unwrap();
        let documented: BTreeSet<_> = document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();

        assert_eq!(documented, routes().map(|(path, _)| path.to_owned()).into());
    }
}
