//! The texts of a piece of JSON.

use std::borrow::Cow;

use event_model::{
    json::{Text, for_each_member, unescape},
    sparkpost::MAX_DEPTH,
};
use serde_json::value::RawValue;

/// A string without its escapes, or a number as it is written. Half of a surrogate pair is a replacement character, since
/// the rest of the text still counts.
pub(crate) fn scalar(json: &str) -> Option<Cow<'_, str>> {
    match json.bytes().next()? {
        b'"' => Some(match serde_json::from_str::<Text<'_>>(json) {
            Ok(Text(text)) => text,
            Err(_) => unescape(json.trim_matches('"')),
        }),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(json)),
        _ => None,
    }
}

/// The members of an object, also those with the same key; none if it is not an object.
pub(crate) fn members(json: &str) -> Vec<(Cow<'_, str>, &str)> {
    let mut members: Vec<(Cow<'_, str>, &str)> = Vec::new();
    // What was visited before an error counts, and the rest of it is searched for mentions.
    let _ = for_each_member(json, |key: &RawValue, value: &RawValue| {
        let key = scalar(key.get()).unwrap_or_default();
        members.push((key, value.get()));
    });
    members
}

/// The last of the members with this key.
pub(crate) fn last<'a>(members: &[(Cow<'_, str>, &'a str)], key: &str) -> Option<&'a str> {
    let mut members = members.iter().rev();
    members
        .find(|(name, _)| name == key)
        .map(|(_, value)| *value)
}

/// The values of all members with this key, the case of whose ASCII letters does not matter: so the lake reads keys.
pub(crate) fn all<'a>(
    members: &[(Cow<'a, str>, &'a str)],
    key: &str,
) -> impl Iterator<Item = &'a str> {
    members
        .iter()
        .filter(move |(name, _)| name.eq_ignore_ascii_case(key))
        .map(|(_, value)| *value)
}

/// The items of an array; none if it is not an array.
pub(crate) fn items(json: &str) -> Vec<&str> {
    let items: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
    items.into_iter().map(RawValue::get).collect()
}

/// Whether any string, key or number satisfies `is_wanted`. What is nested deeper than events may be is one text.
pub(crate) fn any_text(json: &str, mut is_wanted: impl FnMut(&str) -> bool) -> bool {
    let mut open = vec![(json, 0)];
    while let Some((value, depth)) = open.pop() {
        let found = match value.bytes().next() {
            Some(b'{' | b'[') if depth > MAX_DEPTH => is_wanted(value),
            Some(b'{') => {
                let members = members(value);
                let found = members.iter().any(|(key, _)| is_wanted(key));
                open.extend(members.into_iter().map(|(_, value)| (value, depth + 1)));
                found
            }
            Some(b'[') => {
                open.extend(items(value).into_iter().map(|item| (item, depth + 1)));
                false
            }
            _ => scalar(value).is_some_and(|text| is_wanted(&text)),
        };
        if found {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_with_half_a_character_is_still_read() {
        for (json, text) in [
            (r#""a@b""#, Some("a@b")),
            (r#""\ud83d a\u0040b\/""#, Some("\u{fffd} a@b/")),
            (r#""\ud83d\u12""#, Some("\u{fffd}\u{fffd}12")),
            (r#""\ud83d \ud83d\ude00""#, Some("\u{fffd} \u{1f600}")),
            ("42", Some("42")),
            ("null", None),
            ("", None),
        ] {
            assert_eq!(scalar(json).as_deref(), text, "{json}");
        }
    }

    #[test]
    fn texts_are_found_at_every_depth() {
        let deep = format!(
            "{}{}{}",
            "[".repeat(5_000),
            r#""needle""#,
            "]".repeat(5_000)
        );
        for json in [r#"{"a":[{"needle":1}]}"#, r#"[["needle"]]"#, &deep] {
            assert!(any_text(json, |text| text.contains("needle")), "{json:.40}");
            assert!(!any_text(json, |text| text.contains("other")));
        }
    }
}
