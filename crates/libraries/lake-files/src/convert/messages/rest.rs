//! What is left of an object when some of its members went to columns.

use std::borrow::Cow;

use event_model::json::{JsonObject, Text, for_each_member};

/// `json`, an object, without the members at `taken`, paths from the outer key to the inner one. Of a key that is there twice, the last
/// one was read and goes. An object that is empty now goes as well; `None` when that is all of it.
pub(super) fn rest_of<'a>(json: &'a str, taken: &[&[&str]]) -> Option<Cow<'a, str>> {
    if taken.is_empty() {
        return Some(Cow::Borrowed(json));
    }
    let mut members = Vec::new();
    // Keys that are no Unicode text cannot be told from others: all of it stays.
    if for_each_member(json, |Text(name), value| members.push((name, value))).is_err() {
        return Some(Cow::Borrowed(json));
    }
    let mut rest = JsonObject::begin(Vec::with_capacity(json.len()));
    for (index, (name, value)) in members.iter().enumerate() {
        let inner: Vec<&[&str]> = taken
            .iter()
            .filter_map(|path| path.strip_prefix(&[&**name]))
            .collect();
        let is_read =
            !inner.is_empty() && members[index + 1..].iter().all(|(other, _)| other != name);
        let value = match &inner[..] {
            _ if !is_read => Cow::Borrowed(value.get()),
            inner if inner.contains(&&[][..]) => continue,
            inner => match rest_of(value.get(), inner) {
                Some(rest) => rest,
                None => continue,
            },
        };
        rest.json(name, &value);
    }
    (!rest.is_empty()).then(|| Cow::Owned(rest.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_goes_and_all_else_stays_as_it_was_sent() {
        for (json, rest) in [
            (
                r#"{"a":1,"b":{"c": 2,"d":[ ]},"e":1.50}"#,
                Some(r#"{"b":{"d":[ ]},"e":1.50}"#),
            ),
            (r#"{"a":1,"b":{"c":2}}"#, None),
            (r#"{"a":1,"a":2}"#, Some(r#"{"a":1}"#)),
            (r#"{"b":7}"#, Some(r#"{"b":7}"#)),
            (r#"{"b":{},"x":"\ud83d"}"#, Some(r#"{"x":"\ud83d"}"#)),
            (r#"{"\ud83d":1,"a":1}"#, Some(r#"{"\ud83d":1,"a":1}"#)),
        ] {
            assert_eq!(
                rest_of(json, &[&["a"], &["b", "c"]]).as_deref(),
                rest,
                "{json}"
            );
        }
    }
}
