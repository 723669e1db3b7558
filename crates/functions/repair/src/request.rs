//! What is asked for: ids, and a note.

use std::collections::BTreeSet;

use event_model::rejected::{ParseRejectedIdError, RejectedId};
use serde::Deserialize;

use crate::error::RepairError;

/// How many items one request may name.
pub(crate) const MAX_IDS: usize = 500;
const MAX_NOTE_CHARS: usize = 500;

/// The items of a request, each once, and what is to be done about them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) ids: Vec<RejectedId>,
    pub(crate) note: Option<String>,
    /// Nothing is written; the answer says what would be.
    pub(crate) dry_run: bool,
}

/// The body of a request.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Body {
    ids: Option<Vec<String>>,
    note: Option<String>,
    dry_run: bool,
}

impl Request {
    /// Reads a request about the item in the path, or about those that the body names. A request about one item needs no body.
    ///
    /// # Errors
    /// Names the member that is wrong.
    pub(crate) fn parse(id: Option<&str>, body: &[u8]) -> Result<Self, RepairError> {
        let body: Body = if body.trim_ascii().is_empty() {
            Body::default()
        } else {
            // An array would be read member by member.
            let object = body.trim_ascii().starts_with(b"{").then_some(body);
            serde_json::from_slice(object.unwrap_or_default()).map_err(|_| {
                RepairError::request(
                    "body",
                    r#"must be JSON with the members ids (a list of texts), note (a text) and dry_run (true or false), such as {"ids": ["row.2026-11-20.3.b"]}"#,
                )
            })?
        };
        let ids = match (id, body.ids) {
            (Some(id), None) => vec![id.to_owned()],
            (None, Some(ids)) => ids,
            (Some(_), Some(_)) => {
                return Err(RepairError::request(
                    "ids",
                    "must be left out where the path names the item",
                ));
            }
            (None, None) => return Err(RepairError::request("ids", "must name items")),
        };
        if !(1..=MAX_IDS).contains(&ids.len()) {
            return Err(RepairError::request(
                "ids",
                format!("must name 1 to {MAX_IDS} items; send several requests for more"),
            ));
        }
        let note = body.note.map(|note| note.trim().to_owned());
        let note = note.filter(|note| !note.is_empty());
        if note
            .as_ref()
            .is_some_and(|note| note.chars().count() > MAX_NOTE_CHARS)
        {
            return Err(RepairError::request(
                "note",
                format!("must have at most {MAX_NOTE_CHARS} characters"),
            ));
        }
        Ok(Self {
            ids: parse_ids(&ids).map_err(|error| RepairError::request("ids", error.to_string()))?,
            note,
            dry_run: body.dry_run,
        })
    }
}

fn parse_ids(ids: &[String]) -> Result<Vec<RejectedId>, ParseRejectedIdError> {
    let ids: BTreeSet<RejectedId> = ids.iter().map(|id| id.parse()).collect::<Result<_, _>>()?;
    Ok(ids.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "row.2026-11-20.3.b";

    #[test]
    fn an_item_is_named_by_the_path_or_by_the_body_and_counts_once() {
        let by_path = Request::parse(Some(ID), b"").unwrap();
        let by_body = Request::parse(
            None,
            format!(r#"{{"ids":["{ID}","{ID}"],"note":" a ","dry_run":true}}"#).as_bytes(),
        )
        .unwrap();

        assert_eq!(by_path.ids, [ID.parse().unwrap()]);
        assert_eq!(by_body.ids, by_path.ids);
        assert_eq!(
            (by_body.note.as_deref(), by_body.dry_run),
            (Some("a"), true)
        );
        assert_eq!((by_path.note, by_path.dry_run), (None, false));
    }

    #[test]
    fn wrong_requests_are_told_what_is_wrong() {
        let many = format!(r#"{{"ids":{:?}}}"#, vec![ID; MAX_IDS + 1]);
        let long = format!(r#"{{"note":"{}"}}"#, "x".repeat(MAX_NOTE_CHARS + 1));
        for (id, body, expected) in [
            (None, "", "ids"),
            (None, r#"{"ids":[]}"#, "ids"),
            (None, many.as_str(), "ids"),
            (None, r#"{"ids":["x"]}"#, "ids"),
            (Some("x"), "", "ids"),
            (Some(ID), r#"{"ids":["row.2026-11-20.3.b"]}"#, "ids"),
            (Some(ID), long.as_str(), "note"),
            (Some(ID), "[]", "body"),
            (Some(ID), r#"{"notes":"x"}"#, "body"),
        ] {
            let error = Request::parse(id, body.as_bytes()).unwrap_err();
            assert!(
                matches!(error, RepairError::Request { param, .. } if param == expected),
                "{body}: {error:?}"
            );
        }
    }
}
