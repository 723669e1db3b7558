//! The members of one object, as they were sent. Pure.

use event_model::json::for_each_member;
use serde_json::value::RawValue;

/// A JSON value is not an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAnObject;

/// Calls `visit` with each member of an object itself: the text of its key without the quotes, and the JSON of its value.
pub(crate) fn for_each<'a>(
    json: &'a str,
    mut visit: impl FnMut(&'a str, &'a str),
) -> Result<(), NotAnObject> {
    // Raw keys, since a key may have half of a surrogate pair.
    for_each_member(json, |key: &'a RawValue, value| {
        visit(unquoted(key.get()), value.get());
    })
    .map_err(|_| NotAnObject)
}

fn unquoted(key: &str) -> &str {
    key.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: &str) -> Result<Vec<(&str, &str)>, NotAnObject> {
        let mut members = Vec::new();
        for_each(json, |key, value| members.push((key, value))).map(|()| members)
    }

    #[test]
    fn members_are_visited_as_they_were_sent() {
        assert_eq!(
            members(r#"{ "a" : 1.50, "\"":{"b": 2}, "a":"\ud83d" }"#),
            Ok(vec![
                ("a", "1.50"),
                (r#"\""#, r#"{"b": 2}"#),
                ("a", r#""\ud83d""#)
            ])
        );
        assert_eq!(members("{}"), Ok(Vec::new()));
        assert_eq!(members("[]"), Err(NotAnObject));
        assert_eq!(members("7"), Err(NotAnObject));
    }
}
