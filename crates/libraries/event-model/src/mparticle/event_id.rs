//! The id of an event, the same for every reader and every delivery.
//!
//! Iterable accepts ids of letters, digits and hyphens, of at most 512 bytes
//! (<https://support.iterable.com/hc/en-us/articles/206430615-Custom-Event-Properties>), so every id uses that
//! alphabet: then the lake and a destination have the same id for an event.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Batch, Event, Field};

/// The longest id that is used unchanged.
const MAX_OWN_ID_BYTES: usize = 512;

/// The prefix of an id that is computed from mParticle's id or from the event's content.
const MADE: &str = "mp-";
/// The prefix of an id that is computed from a sender's id which cannot be used unchanged.
const REPLACED: &str = "id-";

/// The id of an event: the sender's own, else mParticle's, else one computed from the event's content.
///
/// The index in the batch and the ids of the delivery are not included, because they change when an event is delivered
/// again. So two events of one user with the same content are one event. A sender's id that is too long, has other
/// characters than letters, digits and hyphens, or looks like a computed one, is replaced by its hash: truncating or
/// replacing characters could make two ids equal.
pub fn event_id(event: &Event<'_>, batch: &Batch<'_>) -> String {
    let data = event.data();
    let own = data.source_message_id.text();
    if let Some(id) = own
        .as_deref()
        .map(str::trim)
        .filter(|id| says_something(id))
    {
        return if is_usable(id) {
            id.to_owned()
        } else {
            digest_id(REPLACED, ["source_message_id", id])
        };
    }
    match data.event_id.integer().filter(|id| !id.is_zero()) {
        Some(id) => format!("{MADE}{id}"),
        None => content_id(event, batch),
    }
}

/// The id of an element without one, from its text.
pub fn text_id(kind: &str, text: &str) -> String {
    digest_id(MADE, [kind, text])
}

/// A sender without an id may send only zeros and hyphens instead.
fn says_something(id: &str) -> bool {
    !id.bytes().all(|byte| matches!(byte, b'0' | b'-'))
}

fn is_usable(id: &str) -> bool {
    let is_of_alphabet = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_made_here = [MADE, REPLACED].iter().any(|start| id.starts_with(start));
    is_of_alphabet && !is_made_here && id.len() <= MAX_OWN_ID_BYTES
}

fn content_id(event: &Event<'_>, batch: &Batch<'_>) -> String {
    let mpid = batch
        .user_mpid()
        .map(|mpid| mpid.to_string())
        .unwrap_or_default();
    let timestamp = event
        .data()
        .timestamp_unixtime_ms
        .integer()
        .map(|ms| ms.to_string())
        .unwrap_or_default();
    // An event in another form than mParticle's may have its content outside `data`.
    let data = event.has_data().then(|| event.data_as_sent());
    let content = canonical(data.and_then(Field::json).unwrap_or(event.json));
    digest_id(
        MADE,
        [
            mpid.as_str(),
            event.event_type().as_str(),
            timestamp.as_str(),
            content.as_str(),
        ],
    )
}

fn digest_id<const N: usize>(start: &str, parts: [&str; N]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        // The length prefix distinguishes ("a", "bc") from ("ab", "c").
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher
        .finalize()
        .iter()
        .fold(start.to_owned(), |mut id, byte| {
            write!(id, "{byte:02x}").expect("a String takes everything");
            id
        })
}

/// The same text for the same JSON, regardless of white space and the order of its keys. JSON nested deeper than a
/// parser follows is unchanged.
fn canonical(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    match serde_json::from_str(json) {
        Ok(value) => write_canonical(&mut text, &value),
        Err(_) => text.push_str(json),
    }
    text
}

/// Sorts keys itself: whether a `Value` keeps them sorted depends on features that any crate of the build may enable.
fn write_canonical(text: &mut String, value: &Value) {
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (name, member) in members {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_canonical(text, member);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(text, item);
                text.push(',');
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::Entry, *};

    fn id_of(event: &str, batch: &str) -> String {
        let events = format!(r#"{{"events":[{event}]}}"#);
        let events: Batch<'_> = serde_json::from_str(&events).unwrap();
        let Some(Entry::Event(event)) = events.events().next() else {
            panic!("an event");
        };
        let batch: Batch<'_> = serde_json::from_str(batch).unwrap();
        event_id(&event, &batch)
    }

    #[test]
    fn senders_id_comes_first() {
        let event = r#"{"data":{"source_message_id":"E8335d31","event_id":7}}"#;

        assert_eq!(id_of(event, "{}"), "E8335d31");
    }

    #[test]
    fn then_mparticles_id_with_all_64_bits() {
        assert_eq!(
            id_of(
                r#"{"data":{"source_message_id":null,"event_id":"-6518616552181726857"}}"#,
                "{}"
            ),
            "mp--6518616552181726857"
        );
        assert_eq!(
            id_of(r#"{"data":{"event_id":679644799952992890}}"#, "{}"),
            "mp-679644799952992890"
        );
    }

    #[test]
    fn ids_that_say_nothing_are_passed_over() {
        assert_eq!(
            id_of(r#"{"data":{"source_message_id":" ","event_id":5}}"#, "{}"),
            "mp-5"
        );
        assert_eq!(
            id_of(
                r#"{"data":{"source_message_id":"00000000-0000-0000-0000-000000000000","event_id":5}}"#,
                "{}"
            ),
            "mp-5"
        );
    }

    #[test]
    fn ids_of_other_forms_are_replaced_by_their_hash() {
        let id = |own: &str| {
            let event = serde_json::json!({"data": {"source_message_id": own, "event_id": 5}});
            id_of(&event.to_string(), "{}")
        };
        let long = "x".repeat(513);
        let others = [
            "order_123/1 (retry) \u{e9}",
            "order_123/1",
            "mp-5",
            "id-5",
            "mp:5",
            "a b",
            &long,
        ];

        let ids: std::collections::BTreeSet<String> = others.iter().map(|own| id(own)).collect();

        assert_eq!(ids.len(), others.len());
        assert!(ids.iter().all(|id| id.len() == 67 && id.starts_with("id-")));
        assert_eq!(
            id_of(r#"{"data":{"source_message_id":1234}}"#, "{}"),
            "1234"
        );
        assert_eq!(id(&"x".repeat(512)), "x".repeat(512));
    }

    #[test]
    fn id_of_the_content_does_not_depend_on_how_it_is_written() {
        let one = id_of(
            r#"{"event_type":"x","data":{"event_id":0,"a":1,"b":[{"c":2,"d":3}]}}"#,
            r#"{"mpid":5}"#,
        );
        let other = id_of(
            r#"{"data":{"b":[{"d":3,"c":2}], "a":1, "event_id":0},"event_type":"x"}"#,
            r#"{"mpid":"5"}"#,
        );

        assert_eq!(one, other);
        assert_eq!(one.len(), 67);
    }

    #[test]
    fn id_of_the_content_tells_users_types_and_contents_apart() {
        let ids = [
            id_of(r#"{"event_type":"x","data":{"a":1}}"#, r#"{"mpid":5}"#),
            id_of(r#"{"event_type":"x","data":{"a":1}}"#, r#"{"mpid":6}"#),
            id_of(r#"{"event_type":"y","data":{"a":1}}"#, r#"{"mpid":5}"#),
            id_of(r#"{"event_type":"x","data":{"a":"1"}}"#, r#"{"mpid":5}"#),
            id_of(r#"{"event_type":"x","a":1}"#, r#"{"mpid":5}"#),
            id_of(r#"{"event_type":"x","a":2}"#, r#"{"mpid":5}"#),
            id_of(r#"{"event_type":"x","\ud83d":2}"#, r#"{"mpid":5}"#),
        ];

        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[index + 1..].contains(id));
        }
    }

    #[test]
    fn content_too_deep_to_follow_still_has_an_id() {
        let deep = format!(
            r#"{{"data":{{"a":{}{}}}}}"#,
            "[".repeat(5_000),
            "]".repeat(5_000)
        );

        assert_eq!(id_of(&deep, "{}").len(), 67);
    }

    proptest! {
        #[test]
        fn any_id_is_of_the_alphabet_and_stands_for_one_own_id(one in ".{0,12}|(mp|id)-[0-9]{0,3}", other in ".{0,12}|(mp|id)-[0-9]{0,3}") {
            let id = |own: &str| {
                let event = serde_json::json!({"data": {"source_message_id": own, "event_id": 5}});
                id_of(&event.to_string(), "{}")
            };
            let says = |own: &str| says_something(own.trim());

            prop_assert!(id(&one).bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{}", id(&one));
            if says(&one) && says(&other) {
                prop_assert_eq!(id(&one) == id(&other), one.trim() == other.trim());
            }
            prop_assert_eq!(id(&one) == "mp-5", !says(&one));
        }
    }
}
