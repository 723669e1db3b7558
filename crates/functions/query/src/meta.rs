//! The API's own documentation.

use axum::{
    Json,
    extract::RawQuery,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use event_query::{Dialect, catalog};
use serde_json::Value;

use crate::error::SearchError;

/// Written by hand; tests compare it with the implementation.
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

#[cfg(test)]
mod tests {
    use event_model::sparkpost::EventType;

    use super::*;

    #[test]
    fn openapi_names_the_columns_of_a_table() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let columns = document
            .pointer("/components/parameters/Columns/description")
            .and_then(Value::as_str)
            .unwrap();
        let (_, columns) = columns.split_once("Without it: ").unwrap();

        assert_eq!(
            columns.trim_end_matches('.'),
            event_query::CSV_COLUMNS.join(", ")
        );
    }

    #[test]
    fn openapi_names_every_known_event_type() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let events = document
            .pointer("/components/parameters/Events/description")
            .and_then(Value::as_str)
            .unwrap();
        let (_, known) = events.split_once("Known are ").unwrap();

        assert_eq!(
            known.trim_end_matches('.'),
            EventType::ALL.map(EventType::as_str).join(", ")
        );
    }
}
