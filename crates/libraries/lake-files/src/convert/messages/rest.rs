//! What is left of an object when some of its members went to columns.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// `json`, an object, without the members at `taken`, paths from the outer key to the inner one. Of a key that is there twice, the last
/// one was read and goes. An object that is empty now goes as well; `None` when that is all of it.
pub(super) fn rest_of<'a>(json: &'a str, taken: &[&[&str]]) -> Option<Cow<'a, str>> {
    if taken.is_empty() {
        return Some(Cow::Borrowed(json));
    }
    // Keys that are no Unicode text cannot be told from others: all of it stays.
    let Ok(Members(members)) = serde_json::from_str(json) else {
        return Some(Cow::Borrowed(json));
    };
    let mut text = String::with_capacity(json.len());
    for (place, (name, value)) in members.iter().enumerate() {
        let inner: Vec<&[&str]> = taken
            .iter()
            .filter_map(|path| path.strip_prefix(&[name.as_str()]))
            .collect();
        let is_read =
            !inner.is_empty() && members[place + 1..].iter().all(|(other, _)| other != name);
        let value = match &inner[..] {
            _ if !is_read => Cow::Borrowed(value.get()),
            inner if inner.contains(&&[][..]) => continue,
            inner => match rest_of(value.get(), inner) {
                Some(rest) => rest,
                None => continue,
            },
        };
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push_str(&serde_json::Value::from(name.as_str()).to_string());
        text.push(':');
        text.push_str(&value);
    }
    if text.is_empty() {
        return None;
    }
    text.push('}');
    Some(Cow::Owned(text))
}

/// The members of an object, as they came.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(MembersVisitor).map(Self)
    }
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
