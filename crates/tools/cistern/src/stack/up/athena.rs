//! Athena on this machine: its protocol as far as the console speaks it, answered with `DuckDB` over a copy of the lake, as
//! `cistern query` does.
//!
//! The emulator's own Athena knows no views, and so not the lake's tables. Neither the workgroup's limit nor rights apply here, so a statement
//! may be a `select` alone and reads nothing but the lake. The service takes requests that only an AWS client makes: a web page that a
//! browser on this machine shows cannot set their type or the signature without being asked first, which is not answered.

mod protocol;
mod runs;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};

use self::{
    protocol::{Fault, Operation},
    runs::Runs,
};
use super::ports::Listening;
use crate::stack::data_dir::DataDir;

/// The longest statement of Athena, with room for the rest.
const MAX_BODY_BYTES: usize = 512 << 10;

/// Serves the lake of the stack in `data_dir` until it is dropped.
pub(super) async fn serve(place: Listening, data_dir: DataDir) -> Result<()> {
    let listener = place
        .into_async()
        .context("preparing the queries of the console")?;
    axum::serve(listener, router(Arc::new(Runs::of(data_dir))))
        .await
        .context("serving the queries of the console")
}

fn router(runs: Arc<Runs>) -> Router {
    Router::new()
        .route("/", post(answer))
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(runs)
}

async fn answer(State(runs): State<Arc<Runs>>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_of_a_client(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let answered = Operation::parse(target, &body).and_then(|operation| runs.answer(operation));
    match answered {
        Ok(answer) => Json(answer).into_response(),
        Err(Fault(message)) => {
            (StatusCode::BAD_REQUEST, Json(protocol::fault(&message))).into_response()
        }
    }
}

/// Whether a request is one that no web page can make: of a type that browsers ask about first, signed, and addressed to this machine
/// by its number, so that no name of somebody else's leads here.
fn is_of_a_client(headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &axum::http::HeaderValue| value.to_str().ok())
    };
    let is_here = text(header::HOST).is_some_and(|host| host.starts_with("127.0.0.1:"));
    let is_typed = text(header::CONTENT_TYPE) == Some("application/x-amz-json-1.1");
    let is_signed =
        text(header::AUTHORIZATION).is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 "));
    is_here && is_typed && is_signed && !headers.contains_key(header::ORIGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_pages_are_not_answered() {
        let client = [
            (header::HOST, "127.0.0.1:4568"),
            (header::CONTENT_TYPE, "application/x-amz-json-1.1"),
            (header::AUTHORIZATION, "AWS4-HMAC-SHA256 Credential=x"),
        ];
        let with = |changed: Option<(header::HeaderName, &'static str)>| {
            let mut headers = HeaderMap::new();
            for (name, value) in client.iter().cloned().chain(changed) {
                headers.insert(name, value.parse().unwrap());
            }
            is_of_a_client(&headers)
        };

        assert!(with(None));
        for changed in [
            (header::HOST, "evil.example:4568"),
            (header::HOST, "127.0.0.1.evil.example"),
            (header::CONTENT_TYPE, "text/plain"),
            (header::AUTHORIZATION, "Basic x"),
            (header::ORIGIN, "http://127.0.0.1:8080"),
        ] {
            assert!(!with(Some(changed.clone())), "{changed:?}");
        }
    }
}
