//! The routes, and the checks that precede them.

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use event_query::{Dialect, request_length};
use function_kit::{ApiError, http::ErrorItem};

use crate::{Deps, audit, counts, health, meta, rejected, search, sql, sums};

/// The longest path and query that is accepted; SparkPost documents this limit. Measured as links are written, so that those of an
/// answer are accepted too.
const MAX_REQUEST_BYTES: usize = 4096;

/// The gateway's routes to this function. Each route without an authorizer names one path, so that no other path is
/// reachable through it.
pub const ROUTES: [&str; 9] = [
    sql::ROUTE,
    "ANY /api/{proxy+}",
    // The former name of a route: during an update, events may still carry it.
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
/// Bodies of searches are not read, as php-sparkpost sends one with each GET, and `Accept` is not looked at, as java-sparkpost
/// asks for pictures.
pub fn router(deps: Deps) -> Router {
    let mut router = Router::new();
    for (path, method) in routes() {
        // SparkPost's API conventions: a trailing slash is ignored. The gateway adapter has already removed it.
        router = router
            .route(&format!("{path}/"), method.clone())
            .route(path, method);
    }
    router
        .fallback(|| async { ApiError::not_found() })
        .layer(middleware::from_fn(refuse_long_uri))
        .with_state(deps)
}

fn routes() -> [(&'static str, MethodRouter<Deps>); 14] {
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
        (event_query::rejected::PATH, only_get(get(rejected::list))),
        (
            audit::PATH,
            post(audit::audit).fallback(|| async { ApiError::method_not_allowed("POST") }),
        ),
        (sums::PATH, only_get(get(sums::sum_up))),
        (
            sql::PATH,
            post(sql::run).fallback(|| async { ApiError::method_not_allowed("POST") }),
        ),
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
    let uri = request.uri();
    let length = request_length(uri.path(), uri.query().unwrap_or_default());
    if length > MAX_REQUEST_BYTES {
        let item = ErrorItem::new("uri too long").description(
            "path and query may be 4096 bytes long together, with all but letters, digits and -._~ of values percent-encoded, and without cursor, from, page and to; split the lists of values",
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
            .iter()
            // Other functions' routes, which write.
            .filter(|(_, path)| {
                !["sending", "repair"].contains(&path["post"]["tags"][0].as_str().unwrap_or(""))
            })
            .map(|(path, _)| path.clone())
            .collect();

        assert_eq!(documented, routes().map(|(path, _)| path.to_owned()).into());
    }
}
