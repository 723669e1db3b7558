//! Iterable's response if it accepts nothing.

use serde::Deserialize;
use serde_json::{Map, Value};

/// `{msg, code, params}`, the body of every error and of the responses of single-item endpoints. Iterable has sent the
/// code `Success` with errors, so the HTTP status is checked first.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ErrorResponse {
    /// One of Iterable's codes, such as `BadJsonBody`.
    pub code: String,
    /// The explanation. May quote the request: not for logs.
    pub msg: String,
    params: Option<Value>,
}

/// An item that made Iterable refuse the whole request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemError {
    /// Its index in the request, from 0.
    pub index: usize,
    /// The field, as a path inside the item; empty for the item as a whole.
    pub field: String,
    /// The fault.
    pub detail: String,
}

impl ErrorResponse {
    /// Parses an error; one that is not JSON is empty.
    pub fn parse(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// The invalid items, from `params` such as `{"obj.events[1].createdAt": "Number value expected"}`.
    pub fn items(&self) -> Vec<ItemError> {
        let item = |(path, detail): (&String, &Value)| {
            let (_, inner) = path.split_once('[')?;
            let (index, field) = inner.split_once(']')?;
            let detail = detail
                .as_str()
                .map_or_else(|| detail.to_string(), str::to_owned);
            Some(ItemError {
                index: index.parse().ok()?,
                field: field.trim_start_matches('.').to_owned(),
                detail,
            })
        };
        self.params()
            .into_iter()
            .flatten()
            .filter_map(item)
            .collect()
    }

    /// The fields whose type differs from the one they have in the project, from
    /// `params.validationErrors` such as `{"my_project:::signup_at": {"expectedType": "date"}}`.
    pub fn mismatched_fields(&self) -> Vec<String> {
        let errors = self
            .params()
            .and_then(|params| params.get("validationErrors")?.as_object());
        errors
            .into_iter()
            .flatten()
            .map(|(field, problem)| describe(field, problem))
            .collect()
    }

    fn params(&self) -> Option<&Map<String, Value>> {
        self.params.as_ref()?.as_object()
    }
}

fn describe(field: &str, problem: &Value) -> String {
    let name = field.rsplit(":::").next().unwrap_or(field);
    match problem.get("expectedType").and_then(Value::as_str) {
        Some(expected) => format!("{name} (expected {expected})"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_items_are_found() {
        let response = ErrorResponse::parse(
            br#"{"msg":"[/api/events/trackBulk] Invalid JSON body","code":"BadJsonBody",
                "params":{"obj.events[1].createdAt":"Number value expected","obj.events[12]":"x","obj.events":"y"}}"#,
        );

        let items = response.items();

        assert_eq!(response.code, "BadJsonBody");
        assert_eq!(items.len(), 2);
        assert!(items.contains(&ItemError {
            index: 1,
            field: "createdAt".to_owned(),
            detail: "Number value expected".to_owned()
        }));
        assert!(
            items
                .iter()
                .any(|item| item.index == 12 && item.field.is_empty())
        );
    }

    #[test]
    fn mismatched_fields_are_named() {
        let response = ErrorResponse::parse(
            br#"{"code":"RequestFieldsTypesMismatched","msg":"m","params":{"validationErrors":
                {"etl:::signup_at":{"incomingTypes":["string"],"expectedType":"date"},"plain":{}}}}"#,
        );

        assert_eq!(
            response.mismatched_fields(),
            ["signup_at (expected date)", "plain"]
        );
        assert!(response.items().is_empty());
    }

    #[test]
    fn anything_else_is_an_empty_error() {
        for body in [
            &b""[..],
            b"<html>",
            b"[]",
            b"{\"params\":null}",
            b"{\"code\":5}",
        ] {
            assert_eq!(ErrorResponse::parse(body).code, "");
            assert!(ErrorResponse::parse(body).items().is_empty());
        }
    }
}
