//! One event: its validation, and what is added to it. Pure.

use std::sync::Arc;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use time::{
    OffsetDateTime, format_description::StaticFormatDescription, macros::format_description,
};
use uuid::Uuid;

use crate::{
    envelope::{Shared, write_member, write_on_one_line},
    keys::{EVENT, KEYS, is_secret},
    members,
};

/// All later readers of the event accept at least this depth.
const MAX_DEPTH: usize = 100;

const TO_MILLISECONDS: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// An event as it was sent: an object with at least one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    json: &'a str,
    has_id: bool,
    has_secret: bool,
    /// The JSON of its name, if it has no `event` member.
    name: Option<&'a str>,
    /// The members that it shares with other events.
    shared: Option<Arc<Shared<'a>>>,
}

/// Why a JSON value is not an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidEvent {
    NotAnObject,
    Empty,
    TooDeep,
}

impl InvalidEvent {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NotAnObject => "not a JSON object",
            Self::Empty => "an object without keys",
            Self::TooDeep => "nested deeper than 100 levels",
        }
    }
}

impl<'a> Event<'a> {
    /// Validates a JSON value, to which the members `shared` belong as well.
    pub(crate) fn new(
        json: &'a RawValue,
        shared: Option<Arc<Shared<'a>>>,
    ) -> Result<Self, InvalidEvent> {
        let json = json.get();
        if depth(json) > MAX_DEPTH {
            return Err(InvalidEvent::TooDeep);
        }
        let (mut count, mut has_id, mut has_secret) = (0_usize, false, false);
        members::for_each(json, |key, value| {
            if is_secret(key, value) {
                has_secret = true;
            } else {
                count += 1;
                has_id |= KEYS.is_id(key, value);
            }
        })
        .map_err(|members::NotAnObject| InvalidEvent::NotAnObject)?;
        if count == 0 {
            return Err(InvalidEvent::Empty);
        }
        Ok(Self {
            json,
            has_id,
            has_secret,
            name: shared.as_ref().and_then(|shared| shared.name_of(json)),
            shared,
        })
    }

    /// The most bytes that its shared members add.
    pub(crate) fn shared_bytes(&self) -> usize {
        self.shared.as_ref().map_or(0, |shared| shared.size_bytes())
    }

    /// Writes the event as one line, with what `stamp` adds to the event at `index` of its request.
    pub(crate) fn write_line(&self, stamp: &Stamp, index: usize, line: &mut Vec<u8>) {
        line.extend_from_slice(b"{\"receivedAt\":\"");
        line.extend_from_slice(stamp.received_at.as_bytes());
        line.push(b'"');
        if !self.has_id {
            line.extend_from_slice(b",\"eventId\":\"");
            line.extend_from_slice(stamp.event_id(index).hyphenated().to_string().as_bytes());
            line.push(b'"');
        }
        if let Some(name) = self.name {
            write_member(EVENT, name, line);
        }
        self.write_own(line);
        if let Some(shared) = &self.shared {
            shared.write_for(self.json, line);
        }
        line.extend_from_slice(b"}\n");
    }

    /// Writes its own members unchanged, except for the sender's key.
    fn write_own(&self, line: &mut Vec<u8>) {
        if self.has_secret {
            // The same text was parsed successfully before.
            let _ = members::for_each(self.json, |key, value| {
                if !is_secret(key, value) {
                    write_member(key, value, line);
                }
            });
        } else {
            line.push(b',');
            let inside = self.json.get(1..self.json.len() - 1);
            write_on_one_line(inside.unwrap_or_default(), line);
        }
    }
}

/// What is added to all events of one request.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    received_at: String,
    seed: [u8; 32],
}

impl Stamp {
    /// The stamp of a request received at `now`. The sender's `idempotency_key` makes the ids repeatable; without it `id` makes them
    /// unique.
    pub(crate) fn new(
        now: OffsetDateTime,
        idempotency_key: Option<&[u8]>,
        body: &[u8],
        id: Uuid,
    ) -> Self {
        let seed = match idempotency_key {
            // The body is included, in case a sender uses a key for two requests.
            Some(key) => Sha256::new()
                .chain_update(Sha256::digest(key))
                .chain_update(body)
                .finalize(),
            None => Sha256::digest(id),
        };
        Self {
            received_at: now
                .to_utc()
                .format(TO_MILLISECONDS)
                .expect("a time has all of these"),
            seed: seed.into(),
        }
    }

    fn event_id(&self, index: usize) -> Uuid {
        let hash = Sha256::new()
            .chain_update(self.seed)
            .chain_update(index.to_be_bytes())
            .finalize();
        let bytes = hash.first_chunk().expect("SHA-256 has 32 bytes");
        uuid::Builder::from_custom_bytes(*bytes).into_uuid()
    }
}

/// The deepest nesting of objects and arrays.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string) = (0_usize, 0, false);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' => {
                // A backslash occurs only in strings, and the byte after it never ends the string.
                bytes.next();
            }
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::*;

    fn event(json: &str) -> Result<Event<'_>, InvalidEvent> {
        Event::new(serde_json::from_str(json).unwrap(), None)
    }

    fn stamp(idempotency_key: Option<&str>, body: &str) -> Stamp {
        Stamp::new(
            datetime!(2026-01-02 03:04:05.6789 +01:00),
            idempotency_key.map(str::as_bytes),
            body.as_bytes(),
            Uuid::from_u128(7),
        )
    }

    fn line(json: &str, index: usize) -> String {
        let mut line = Vec::new();
        event(json)
            .unwrap()
            .write_line(&stamp(None, ""), index, &mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn own_keys_keep_every_byte_behind_what_is_added() {
        let sent = r#"{ "a" : 1.50, "a":"\ud83d", "receivedAt": 7 }"#;

        let line = line(sent, 0);

        let (added, own) = line.split_at(line.find(r#", "a" :"#).unwrap());
        assert_eq!(format!("{{{}", &own[1..]), format!("{sent}\n"));
        assert!(
            added.starts_with(r#"{"receivedAt":"2026-01-02T02:04:05.678Z","eventId":""#),
            "{added}"
        );
    }

    #[test]
    fn a_line_holds_no_other_line_end() {
        let line = line("{\n  \"a\": \"x\\ny\",\r\n  \"b\": 2\n}", 0);

        assert_eq!(line.matches(['\n', '\r']).count(), 1);
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&value["a"], &value["b"]), (&json!("x\ny"), &json!(2)));
    }

    #[test]
    fn an_id_is_added_when_there_is_none() {
        for (json, has_id) in [
            (r#"{"eventId":"x"}"#, true),
            (r#"{"a":1,"EVENTID":"x"}"#, true),
            (r#"{"eventId":""}"#, false),
            (r#"{"eventId":7}"#, true),
            (r#"{"eventId":null,"messageId":"x"}"#, true),
            (r#"{"uuid":{},"insert_id":[]}"#, false),
            (r#"{"eventId":null}"#, false),
            (r#"{"a":{"eventId":"x"}}"#, false),
            (r#"{"\ud83d":"x"}"#, false),
        ] {
            assert_eq!(event(json).unwrap().has_id, has_id, "{json}");
            let own_id = stamp(None, "").event_id(0).to_string();
            assert_eq!(line(json, 0).contains(&own_id), !has_id, "{json}");
        }
    }

    #[test]
    fn the_senders_key_is_left_out_and_nothing_else() {
        let line = line(
            r#"{"api_key":"k", "eventId" : "x", "writeKey":"k","token":"t","API_KEY":7}"#,
            0,
        );

        assert_eq!(
            line,
            "{\"receivedAt\":\"2026-01-02T02:04:05.678Z\",\"eventId\":\"x\",\"token\":\"t\",\"API_KEY\":7}\n"
        );
        assert_eq!(event(r#"{"api_key":"k"}"#), Err(InvalidEvent::Empty));
    }

    #[test]
    fn ids_differ_by_place_and_request_and_repeat_with_the_senders_key() {
        let ids = [
            stamp(None, "b").event_id(0),
            stamp(None, "b").event_id(1),
            stamp(Some("k"), "b").event_id(0),
            stamp(Some("k"), "c").event_id(0),
            stamp(Some("l"), "b").event_id(0),
        ];

        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{index}");
        }
        assert_eq!(stamp(Some("k"), "b").event_id(0), ids[2]);
    }

    #[test]
    fn what_is_no_event_is_told_apart() {
        let nested = |levels: usize| {
            format!(
                "{}{}{}",
                r#"{"a":"#.repeat(levels),
                "{}",
                "}".repeat(levels)
            )
        };

        assert_eq!(event("[]"), Err(InvalidEvent::NotAnObject));
        assert_eq!(event("\"LOGIN\""), Err(InvalidEvent::NotAnObject));
        assert_eq!(event("null"), Err(InvalidEvent::NotAnObject));
        assert_eq!(event(" { } "), Err(InvalidEvent::Empty));
        assert!(event(&nested(MAX_DEPTH - 1)).is_ok());
        assert_eq!(event(&nested(MAX_DEPTH)), Err(InvalidEvent::TooDeep));
        assert_eq!(
            event(&"[".repeat(101).add_ends()),
            Err(InvalidEvent::TooDeep)
        );
        assert!(event(&format!(r#"{{"a":"\"{}"}}"#, "[".repeat(200))).is_ok());
    }

    trait AddEnds {
        fn add_ends(self) -> String;
    }

    impl AddEnds for String {
        fn add_ends(self) -> String {
            let ends = "]".repeat(self.len());
            self + &ends
        }
    }

    proptest! {
        #[test]
        fn depth_is_that_of_the_parsed_value(json in nested_json()) {
            fn depth_of(value: &Value) -> usize {
                match value {
                    Value::Array(values) => 1 + values.iter().map(depth_of).max().unwrap_or(0),
                    Value::Object(values) => 1 + values.values().map(depth_of).max().unwrap_or(0),
                    _ => 0,
                }
            }

            prop_assert_eq!(depth(&json.to_string()), depth_of(&json));
        }
    }

    fn nested_json() -> impl Strategy<Value = Value> {
        let leaf = r#"[\[\]{}"\\a]{0,5}"#.prop_map(Value::String);
        leaf.prop_recursive(6, 40, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                proptest::collection::btree_map(r#"["{\\]?"#, inner, 0..4)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }
}
