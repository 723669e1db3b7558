//! What the search says of itself.

use axum::{Json, extract::RawQuery};
use event_query::{Dialect, catalog};
use serde_json::Value;

use crate::error::SearchError;

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
