//! What the search says of itself.

use axum::{
    Json,
    extract::RawQuery,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use event_query::{Dialect, catalog};
use serde_json::Value;

use crate::error::SearchError;

/// Written by hand and held against the implementation by tests.
pub(crate) const OPENAPI: &str = include_str!("openapi.json");

pub(crate) async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

pub(crate) async fn documentation() -> Json<Value> {
    Json(catalog::documentation())
}

pub(crate) async fn samples(RawQuery(query_string): RawQuery) -> Result<Json<Value>, SearchError> {
    let samples = catalog::samples(Dialect::Events, &query_string.unwrap_or_default())?;
    Ok(Json(samples))
}

pub(crate) async fn older_samples(
    RawQuery(query_string): RawQuery,
) -> Result<Json<Value>, SearchError> {
    let samples = catalog::samples(Dialect::MessageEvents, &query_string.unwrap_or_default())?;
    Ok(Json(samples))
}
