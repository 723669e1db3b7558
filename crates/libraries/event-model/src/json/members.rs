//! Reads the members of an object without building a tree.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{Deserializer as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A JSON string, borrowed unless it has escapes.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// Calls `visit` with the key and the value of each member of `object`, in their order; a key that occurs twice is visited twice.
///
/// A key is usually a [`Text`], which half of a surrogate pair is not; as a [`RawValue`], it is any key with its quotes.
///
/// # Errors
/// When `object` is not one JSON object, or a key cannot be read as a `K`. The members before the error have been visited.
pub fn for_each_member<'a, K: Deserialize<'a>>(
    object: &'a str,
    visit: impl FnMut(K, &'a RawValue),
) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(object);
    json.deserialize_map(Members {
        visit,
        key: PhantomData,
    })?;
    json.end()
}

struct Members<K, F> {
    visit: F,
    key: PhantomData<K>,
}

impl<'de, K: Deserialize<'de>, F: FnMut(K, &'de RawValue)> Visitor<'de> for Members<K, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some((key, value)) = members.next_entry()? {
            (self.visit)(key, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: &str) -> Result<Vec<(String, &str)>, serde_json::Error> {
        let mut members = Vec::new();
        for_each_member(json, |Text(key), value| {
            members.push((key.into_owned(), value.get()));
        })
        .map(|()| members)
    }

    #[test]
    fn members_are_visited_in_order_with_their_values_as_sent() {
        let found = members(r#"{ "a" : 1.50, "\"":{"b": 2}, "a":"\ud83d" }"#).unwrap();

        let found: Vec<_> = found.iter().map(|(key, value)| (&**key, *value)).collect();
        assert_eq!(
            found,
            [("a", "1.50"), ("\"", r#"{"b": 2}"#), ("a", r#""\ud83d""#)]
        );
    }

    #[test]
    fn key_without_escapes_is_borrowed() {
        for_each_member(r#"{"Zürich":1}"#, |Text(key), _| {
            assert!(matches!(key, Cow::Borrowed("Zürich")));
        })
        .unwrap();
    }

    #[test]
    fn key_that_is_no_text_is_visited_raw() {
        let json = r#"{"\ud83d":1}"#;

        let mut keys = Vec::new();
        for_each_member(json, |key: &RawValue, _| keys.push(key.get())).unwrap();

        assert_eq!(keys, [r#""\ud83d""#]);
        assert!(members(json).is_err());
    }

    #[test]
    fn other_than_one_object_is_an_error() {
        for json in ["[]", "7", "", "{", r#"{"a":1}x"#] {
            assert!(members(json).is_err(), "{json}");
        }
        assert!(members(" {} ").unwrap().is_empty());
    }
}
