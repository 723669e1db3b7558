//! The stand-in over HTTP.

use std::io;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use tokio::{net::TcpListener, time::sleep};

use crate::{
    behaviour::{Behaviour, Change},
    received::{Arrival, Counts},
    stand_in::{Endpoint, StandIn},
};

/// Larger than Iterable's limit, so that too large a body gets a response instead of an interrupted connection.
const MAX_BODY_BYTES: usize = 16 << 20;
/// Events on a page.
const PAGE: usize = 1_000;

/// The stand-in's routes; see the README's table.
pub fn router(stand_in: StandIn) -> Router {
    let endpoint = |endpoint: Endpoint| {
        post(
            move |State(stand_in): State<StandIn>, headers: HeaderMap, body: Bytes| async move {
                take(&stand_in, endpoint, &headers, &body).await
            },
        )
    };
    Router::new()
        .route(Endpoint::TrackBulk.path(), endpoint(Endpoint::TrackBulk))
        .route(Endpoint::BulkUpdate.path(), endpoint(Endpoint::BulkUpdate))
        .route(
            Endpoint::TrackPurchase.path(),
            endpoint(Endpoint::TrackPurchase),
        )
        .route(Endpoint::Forget.path(), endpoint(Endpoint::Forget))
        .route("/_received", get(counts).delete(forget))
        .route("/_received/events", get(events))
        .route("/_received/events/{id}", get(event))
        .route("/_received/purchases/{id}", get(purchase))
        .route("/_received/bodies", get(bodies))
        .route("/_control", get(behaviour).post(control))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(stand_in)
}

/// Serves the stand-in until the future is dropped.
pub async fn serve(listener: TcpListener, stand_in: StandIn) -> io::Result<()> {
    axum::serve(listener, router(stand_in)).await
}

async fn take(
    stand_in: &StandIn,
    endpoint: Endpoint,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let api_key = headers.get("Api-Key").and_then(|key| key.to_str().ok());
    let simulated = stand_in.respond(endpoint, api_key, body);
    if !simulated.delay.is_zero() {
        sleep(simulated.delay).await;
    }
    let status =
        StatusCode::from_u16(simulated.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Body::from(simulated.body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    if let Some(seconds) = simulated.retry_after_s {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

async fn counts(State(stand_in): State<StandIn>) -> Json<Counts> {
    Json(stand_in.counts())
}

async fn forget(State(stand_in): State<StandIn>) -> StatusCode {
    stand_in.forget();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: usize,
    limit: Option<usize>,
}

async fn events(State(stand_in): State<StandIn>, Query(page): Query<Page>) -> Json<Vec<Arrival>> {
    Json(stand_in.events(page.after, page.limit.unwrap_or(PAGE)))
}

async fn event(State(stand_in): State<StandIn>, Path(id): Path<String>) -> Response {
    found(stand_in.event(&id))
}

async fn purchase(State(stand_in): State<StandIn>, Path(id): Path<String>) -> Response {
    found(stand_in.purchase(&id))
}

fn found(arrival: Option<Arrival>) -> Response {
    match arrival {
        Some(arrival) => Json(arrival).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn bodies(State(stand_in): State<StandIn>) -> Json<Vec<String>> {
    Json(stand_in.bodies())
}

async fn behaviour(State(stand_in): State<StandIn>) -> Json<Behaviour> {
    Json(stand_in.behaviour())
}

/// Reads the body with any content type, so that `curl -d` works.
async fn control(State(stand_in): State<StandIn>, body: Bytes) -> Response {
    match serde_json::from_slice::<Change>(&body) {
        Ok(change) => {
            stand_in.change(change);
            Json(stand_in.behaviour()).into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}
