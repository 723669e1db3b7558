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

impl<'a> Text<'a> {
    /// The text of a JSON string with its quotes, which a parser has found in a text. One without escapes is not read again.
    ///
    /// # Errors
    /// When an escape is half of a surrogate pair, or this is not a JSON string.
    pub fn of(string: &'a str) -> Result<Cow<'a, str>, serde_json::Error> {
        let content = string
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        match content {
            Some(content) if memchr::memchr(b'\\', content.as_bytes()).is_none() => {
                Ok(Cow::Borrowed(content))
            }
            _ => serde_json::from_str(string).map(|Text(text)| text),
        }
    }
}

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
    fn string_is_read_as_a_parser_reads_it() {
        for string in [
            r#""""#,
            r#""Zürich""#,
            r#""a\nb""#,
            r#""\ud83d""#,
            "\"",
            "7",
            "",
        ] {
            let parsed: Option<String> = serde_json::from_str(string).ok();
            assert_eq!(
                Text::of(string).ok().as_deref(),
                parsed.as_deref(),
                "{string}"
            );
        }
        assert!(matches!(
            Text::of(r#""Zürich""#),
            Ok(Cow::Borrowed("Zürich"))
        ));
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
