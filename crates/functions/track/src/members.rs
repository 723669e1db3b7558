//! The members of one object, as they were sent. Pure.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON value is not an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAnObject;

/// Calls `visit` with each member of an object itself: the text of its key without the quotes, and the JSON of its value.
pub(crate) fn for_each<'a>(
    json: &'a str,
    visit: impl FnMut(&'a str, &'a str),
) -> Result<(), NotAnObject> {
    serde_json::Deserializer::from_str(json)
        .deserialize_map(Members(visit))
        .map_err(|_| NotAnObject)
}

struct Members<F>(F);

impl<'de, F: FnMut(&'de str, &'de str)> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        // Raw keys, since a key may have half of a surrogate pair.
        while let Some(key) = map.next_key::<&RawValue>()? {
            let value: &RawValue = map.next_value()?;
            (self.0)(unquoted(key.get()), value.get());
        }
        Ok(())
    }
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
