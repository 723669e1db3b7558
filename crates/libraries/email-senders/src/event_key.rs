//! What makes two deliveries the same event, where the provider has no id for it: a hash of its content.
//!
//! The result is the `event_id` of the stored event and must never change: events that were stored before a change would be
//! stored a second time after it.

use std::borrow::Cow;

use event_model::json::{Cursor, Text};
use sha2::{Digest, Sha256};

/// Deeper values are compared as they are written.
const MAX_DEPTH: usize = 64;

/// Collects the parts of a key. A part that is absent differs from one that is empty.
#[derive(Clone, Debug)]
pub(crate) struct ContentKey(Sha256);

impl ContentKey {
    /// The key of an event of this provider.
    pub(crate) fn of(provider: &str) -> Self {
        Self(Sha256::new()).with(Some(provider))
    }

    /// Adds a part, with its length before it.
    pub(crate) fn with(mut self, part: Option<impl AsRef<str>>) -> Self {
        match part {
            Some(part) => {
                let part = part.as_ref();
                self.0.update([1]);
                self.0.update((part.len() as u64).to_be_bytes());
                self.0.update(part);
            }
            None => self.0.update([0]),
        }
        self
    }

    /// Adds a JSON value, whatever the order of its members and the spelling of its texts.
    pub(crate) fn with_value(mut self, json: Option<&str>) -> Self {
        self.0
            .update(json.map_or([0; 32], |json| value(&mut Cursor::of(json), 0)));
        self
    }

    /// 32 hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        let mut digits = hex::encode(self.0.finalize());
        digits.truncate(32);
        digits
    }
}

/// The next value. A deep one is not read again at each level.
fn value(json: &mut Cursor<'_>, depth: usize) -> [u8; 32] {
    let mut hasher = Sha256::new();
    match json.peek() {
        Some(b'{') if depth < MAX_DEPTH => {
            hasher.update([2]);
            for (key, member) in members(json, depth) {
                hasher.update((key.len() as u64).to_be_bytes());
                hasher.update(&*key);
                hasher.update(member);
            }
        }
        Some(b'[') if depth < MAX_DEPTH => {
            hasher.update([3]);
            json.enter();
            while json.has_item() {
                hasher.update(value(json, depth + 1));
            }
        }
        Some(b'"') => {
            hasher.update([4]);
            let string = json.take_value();
            match Text::of(string) {
                Ok(text) => hasher.update(text.as_bytes()),
                Err(_) => hasher.update(string),
            }
        }
        _ => {
            hasher.update([5]);
            hasher.update(json.take_value());
        }
    }
    hasher.finalize().into()
}

/// The members of the next object in the order of their names, those of one name in their own. A name that cannot be read as text ends them.
fn members<'a>(json: &mut Cursor<'a>, depth: usize) -> Vec<(Cow<'a, str>, [u8; 32])> {
    json.enter();
    let mut members = Vec::new();
    let mut is_text = true;
    while let Some(name) = json.take_name() {
        match Text::of(name) {
            Ok(name) if is_text => members.push((name, value(json, depth + 1))),
            _ => {
                is_text = false;
                json.take_value();
            }
        }
    }
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_value(json: &str) -> String {
        ContentKey::of("p").with_value(Some(json)).finish()
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key =
            |one: Option<&str>, two: Option<&str>| ContentKey::of("p").with(one).with(two).finish();

        let keys = [
            key(Some("a"), Some("bc")),
            key(Some("ab"), Some("c")),
            key(None, Some("abc")),
            key(Some("abc"), None),
            key(Some(""), Some("abc")),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert_eq!(keys[0].len(), 32);
    }

    #[test]
    fn order_and_spelling_do_not_make_another_event() {
        let one = of_value(r#"{"a":[1,{"x":"é"}],"b":null}"#);

        assert_eq!(
            of_value(r#"{ "b": null, "a": [ 1, {"x":"\u00e9"} ] }"#),
            one
        );
        assert_ne!(of_value(r#"{"a":[{"x":"é"},1],"b":null}"#), one);
        assert_ne!(of_value(r#"{"a":["1",{"x":"é"}],"b":null}"#), one);
    }

    #[test]
    fn derivation_is_the_one_that_stored_events_were_keyed_with() {
        let key = ContentKey::of("postmark")
            .with(Some("Bounce"))
            .with(None::<&str>)
            .with_value(Some("[1]"));

        assert_eq!(key.finish(), "8bba305efc10825b30da1267b255bc88");
    }
}
