//! The id an event is sent under, the same whenever and however often it is mapped.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    iterable::MAX_ID_BYTES,
    mparticle::{Batch, Event, EventData},
};

/// The id of an event: the sender's own, else mParticle's, else one made of the event's content.
///
/// The place in the batch and the ids of the delivery stay out of it, as they change when an event is delivered again.
/// So two events of one user that are equal in everything are one event.
pub(super) fn event_id(event: &Event<'_>, data: &EventData<'_>, batch: &Batch<'_>) -> String {
    let own = data.source_message_id.string();
    if let Some(id) = own.as_deref().map(str::trim).filter(|id| is_usable(id)) {
        return id.to_owned();
    }
    match data.event_id.integer().filter(|id| !id.is_zero()) {
        Some(id) => format!("mp:{id}"),
        None => content_id(event, data, batch),
    }
}

/// The id of something that has none: of its text.
pub(super) fn text_id(kind: &str, text: &str) -> String {
    digest_id([kind, text])
}

fn is_usable(id: &str) -> bool {
    let all_zero = id.bytes().all(|byte| matches!(byte, b'0' | b'-'));
    !id.is_empty() && !all_zero && id.len() <= MAX_ID_BYTES
}

fn content_id(event: &Event<'_>, data: &EventData<'_>, batch: &Batch<'_>) -> String {
    let mpid = batch
        .user_mpid()
        .map(|mpid| mpid.to_string())
        .unwrap_or_default();
    let timestamp = data
        .timestamp_unixtime_ms
        .integer()
        .map(|ms| ms.to_string())
        .unwrap_or_default();
    let content = canonical(event.data.json().unwrap_or_default());
    digest_id([
        mpid.as_str(),
        event.event_type().as_str(),
        timestamp.as_str(),
        content.as_str(),
    ])
}

fn digest_id<const N: usize>(parts: [&str; N]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        // The length in front keeps ("a", "bc") and ("ab", "c") apart.
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher
        .finalize()
        .iter()
        .fold("mp:".to_owned(), |mut id, byte| {
            write!(id, "{byte:02x}").expect("a String takes everything");
            id
        })
}

/// The same text for the same JSON, whatever the order of its keys and its spaces. JSON nested deeper than a parser
/// follows stays as it was sent.
fn canonical(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    match serde_json::from_str(json) {
        Ok(value) => write_canonical(&mut text, &value),
        Err(_) => text.push_str(json),
    }
    text
}

/// Sorts keys itself: whether a `Value` keeps them sorted depends on features that any crate of the build can switch on.
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
    use super::*;

    fn id_of(event: &str, batch: &str) -> String {
        let event: Event<'_> = serde_json::from_str(event).unwrap();
        let batch: Batch<'_> = serde_json::from_str(batch).unwrap();
        event_id(&event, &event.data(), &batch)
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
            "mp:-6518616552181726857"
        );
        assert_eq!(
            id_of(r#"{"data":{"event_id":679644799952992890}}"#, "{}"),
            "mp:679644799952992890"
        );
    }

    #[test]
    fn unusable_ids_are_passed_over() {
        let long = format!(
            r#"{{"data":{{"source_message_id":"{}","event_id":5}}}}"#,
            "x".repeat(513)
        );

        assert_eq!(id_of(&long, "{}"), "mp:5");
        assert_eq!(
            id_of(r#"{"data":{"source_message_id":" ","event_id":5}}"#, "{}"),
            "mp:5"
        );
        assert_eq!(
            id_of(
                r#"{"data":{"source_message_id":"00000000-0000-0000-0000-000000000000","event_id":5}}"#,
                "{}"
            ),
            "mp:5"
        );
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
}
