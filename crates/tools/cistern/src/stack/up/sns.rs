//! SNS on this machine, as far as ingest asks it: the certificates that messages are signed with, which a test that signs them puts here, and
//! the confirmation of subscriptions, which are remembered.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, RawQuery, State},
    http::StatusCode,
    routing::get,
};

use super::ports::Listening;

/// The longest certificate.
const MAX_BODY_BYTES: usize = 16 << 10;
/// The most certificates, and the most confirmations that are remembered.
const MAX_ENTRIES: usize = 1_000;

type Shared = Arc<Mutex<Known>>;

#[derive(Debug, Default)]
struct Known {
    certificates: BTreeMap<String, String>,
    confirmed: Vec<String>,
}

/// Serves until it is dropped.
pub(super) async fn serve(place: Listening) -> Result<()> {
    let listener = place
        .into_async()
        .context("preparing the stand-in for SNS")?;
    axum::serve(listener, router())
        .await
        .context("serving the stand-in for SNS")
}

/// `PUT /<name>.pem` and `GET` of it; `GET /?Action=ConfirmSubscription&…`; `GET /_control` returns what was asked to be confirmed. A web page
/// can do none of this but the confirmation: browsers ask before a `PUT`, which is not answered.
fn router() -> Router {
    Router::new()
        .route("/", get(confirm))
        .route("/_control", get(confirmed))
        .route("/{name}", get(certificate).put(put_certificate))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Shared::default())
}

async fn confirm(State(known): State<Shared>, RawQuery(query): RawQuery) -> StatusCode {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let query = query.unwrap_or_default();
    if !query.starts_with("Action=ConfirmSubscription&") || known.confirmed.len() >= MAX_ENTRIES {
        return StatusCode::BAD_REQUEST;
    }
    known.confirmed.push(query);
    StatusCode::OK
}

async fn confirmed(State(known): State<Shared>) -> Json<Vec<String>> {
    let known = known.lock().unwrap_or_else(PoisonError::into_inner);
    Json(known.confirmed.clone())
}

async fn certificate(
    State(known): State<Shared>,
    Path(name): Path<String>,
) -> Result<String, StatusCode> {
    let known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let found = known.certificates.get(&name);
    found.cloned().ok_or(StatusCode::NOT_FOUND)
}

async fn put_certificate(
    State(known): State<Shared>,
    Path(name): Path<String>,
    certificate: String,
) -> StatusCode {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if known.certificates.len() >= MAX_ENTRIES {
        return StatusCode::INSUFFICIENT_STORAGE;
    }
    known.certificates.insert(name, certificate);
    StatusCode::NO_CONTENT
}
