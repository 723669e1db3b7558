//! Reads the members of an event without changing a value: numbers keep every digit.

use std::borrow::Cow;

use event_model::json::{JsonObject, Text, for_each_member};
use serde::de::IgnoredAny;

/// The members of an object, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Fields<'a> {
    /// The members of a JSON text; none of one that is not an object.
    pub(crate) fn of(json: &'a str) -> Self {
        Self::read(json).0
    }

    /// The members, and whether the text is one whole value of JSON.
    pub(crate) fn read(json: &'a str) -> (Self, bool) {
        let mut members = Vec::with_capacity(16);
        let read = for_each_member(json, |Text(key), value| members.push((key, value.get())));
        // A key that cannot be read as text ends the reading. The whole event is kept anyway.
        (Self(members), read.is_ok() || is_json(json))
    }

    /// The JSON text of a member; the last one if it occurs twice. None for null.
    pub(crate) fn json(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found
            .map(|(_, value)| *value)
            .filter(|json| *json != "null")
    }

    /// A member as text: a string unescaped, a number or a boolean as written, the first one of a list. None for an empty text.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        to_text(self.json(name)?)
    }

    /// Whether a member is `true`.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.json(name) == Some("true")
    }

    /// The members of a member; none if it is not an object.
    pub(crate) fn object(&self, name: &str) -> Self {
        self.json(name).map_or_else(Self::default, Self::of)
    }

    /// The JSON texts of a member that is a list; a single value is a list of one.
    pub(crate) fn list(&self, name: &str) -> Vec<&'a str> {
        self.json(name).map_or_else(Vec::new, to_list)
    }

    /// Writes the members that are there into `target` as text, each pair of names being the new one and its own.
    pub(crate) fn copy_texts(&self, target: &mut JsonObject, names: &[(&str, &str)]) {
        for (name, own_name) in names {
            if let Some(text) = self.text(own_name) {
                target.text(name, &text);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), *value))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The JSON texts of some members, the last one of those that occur twice. Unlike [`Fields::of`] it needs no memory for the others, so it
/// reads bodies of strangers.
pub(crate) fn pick<'a, const N: usize>(json: &'a str, names: [&str; N]) -> [Option<&'a str>; N] {
    let mut found = [None; N];
    let _ = for_each_member(json, |Text(key), value| {
        for (found, name) in found.iter_mut().zip(names) {
            if key == name {
                *found = Some(value.get());
            }
        }
    });
    found
}

/// Whether a text is one whole value of JSON.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The items of a list; another value is a list of itself.
pub(crate) fn to_list(json: &str) -> Vec<&str> {
    if json.starts_with('[') {
        let items: Result<Vec<&serde_json::value::RawValue>, _> = serde_json::from_str(json);
        items.map_or_else(
            |_| Vec::new(),
            |items| {
                items
                    .into_iter()
                    .map(serde_json::value::RawValue::get)
                    .collect()
            },
        )
    } else {
        vec![json]
    }
}

/// A value as text; see [`Fields::text`].
pub(crate) fn to_text(json: &str) -> Option<Cow<'_, str>> {
    if json.starts_with('[') {
        // A list in a list is none: senders decide how deep it is.
        return scalar_text(to_list(json).first()?);
    }
    scalar_text(json)
}

fn scalar_text(json: &str) -> Option<Cow<'_, str>> {
    let text = match json.as_bytes().first()? {
        b'"' => Text::of(json).ok()?,
        b'[' | b'{' => return None,
        _ if json == "null" => return None,
        _ => Cow::Borrowed(json),
    };
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_digits_and_absent_ones_are_none() {
        let json = r#"{"id":9223372036854775999,"t":1521233195.3756240,"e":"","n":null,"l":["a\"",2],"o":{"x":true}}"#;
        let fields = Fields::of(json);

        assert_eq!(fields.text("id").as_deref(), Some("9223372036854775999"));
        assert_eq!(fields.text("t").as_deref(), Some("1521233195.3756240"));
        assert_eq!(
            (fields.text("e"), fields.text("n"), fields.text("o")),
            (None, None, None)
        );
        assert_eq!(fields.text("l").as_deref(), Some("a\""));
        assert!(fields.object("o").is_true("x"));
        assert_eq!(fields.list("l"), ["\"a\\\"\"", "2"]);
        assert!(Fields::of("7").is_empty());
    }

    #[test]
    fn list_in_a_list_is_no_text() {
        let fields = Fields::of(r#"{"a":[["x"]],"b":[{"c":1}],"d":[]}"#);

        assert_eq!(
            ["a", "b", "d"].map(|name| fields.text(name)),
            [None, None, None]
        );
    }

    #[test]
    fn deep_lists_do_not_overflow_the_stack() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let json = format!(r#"{{"l":{deep}}}"#);

        assert_eq!(Fields::of(&json).text("l"), None);
    }
}
