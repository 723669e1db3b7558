//! Forms that change something or cost money.

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use tracing::info;

use super::serving::{Seen, Shared, parameter};
use crate::{
    page::{self, product_events, product_events::Posted},
    request_origin::Origin,
};

/// Starts a query, which costs money: only for a form of a page of this session.
pub(super) async fn run_query(
    State(deps): Shared,
    Extension(viewer): Seen,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let encoded = str::from_utf8(&body).unwrap_or_default();
    let token = parameter(encoded, "token").unwrap_or_default();
    if !viewer.has_shown(product_events::RUN, &token, &origin.0, &headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    match product_events::run(&deps, &viewer, &body).await {
        Posted::Started(address) => {
            info!("query started");
            (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response()
        }
        Posted::Refused(page) => page.into_response(&deps, &viewer),
    }
}

pub(super) async fn repair(
    State(deps): Shared,
    Extension(viewer): Seen,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match page::rejected::repair(&deps, &viewer, &origin.0, &headers, &body).await {
        Some(page) => {
            info!(
                page = "repair",
                status = page.status.as_u16(),
                "form answered"
            );
            page.into_response(&deps, &viewer)
        }
        None => StatusCode::FORBIDDEN.into_response(),
    }
}
