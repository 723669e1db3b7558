//! One event: whether it is one, and what is added to it. Pure.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use time::{
    OffsetDateTime, format_description::StaticFormatDescription, macros::format_description,
};
use uuid::Uuid;

/// Readers behind this one follow at least as far.
const MAX_DEPTH: usize = 100;

const EVENT_ID: &str = "eventId";
const TO_MILLISECONDS: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// An event as it was sent: an object with at least one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    json: &'a str,
    has_id: bool,
}

/// A JSON value that is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoEvent {
    NotAnObject,
    Empty,
    TooDeep,
}

impl NoEvent {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NotAnObject => "not a JSON object",
            Self::Empty => "an object without keys",
            Self::TooDeep => "nested deeper than 100 levels",
        }
    }
}

impl<'a> Event<'a> {
    /// Looks at a value that is known to be JSON.
    pub(crate) fn new(json: &'a RawValue) -> Result<Self, NoEvent> {
        let json = json.get();
        if depth(json) > MAX_DEPTH {
            return Err(NoEvent::TooDeep);
        }
        let keys: Keys = serde_json::from_str(json).map_err(|_| NoEvent::NotAnObject)?;
        if keys.count == 0 {
            return Err(NoEvent::Empty);
        }
        Ok(Self {
            json,
            has_id: keys.has_id,
        })
    }

    /// Writes the event as one line, with what `stamp` adds to the event at `place` of its request.
    pub(crate) fn write_line(self, stamp: &Stamp, place: usize, line: &mut Vec<u8>) {
        line.extend_from_slice(b"{\"receivedAt\":\"");
        line.extend_from_slice(stamp.received_at.as_bytes());
        line.push(b'"');
        if !self.has_id {
            line.extend_from_slice(b",\"eventId\":\"");
            line.extend_from_slice(stamp.event_id(place).hyphenated().to_string().as_bytes());
            line.push(b'"');
        }
        line.push(b',');
        // A line end in JSON is white space between two tokens: none can stand inside a string.
        let members = self.json.bytes().skip(1);
        line.extend(members.map(|byte| {
            if matches!(byte, b'\n' | b'\r') {
                b' '
            } else {
                byte
            }
        }));
        line.push(b'\n');
    }
}

/// What all events of one request are given.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    received_at: String,
    seed: [u8; 32],
}

impl Stamp {
    /// For a request received at `now`. Its sender's `idempotency_key` makes the ids repeatable, else `id` makes them unique.
    pub(crate) fn new(
        now: OffsetDateTime,
        idempotency_key: Option<&[u8]>,
        body: &[u8],
        id: Uuid,
    ) -> Self {
        let seed = match idempotency_key {
            // With the body, in case a key is used for two requests.
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

    fn event_id(&self, place: usize) -> Uuid {
        let hash = Sha256::new()
            .chain_update(self.seed)
            .chain_update(place.to_be_bytes())
            .finalize();
        let bytes = hash.first_chunk().expect("SHA-256 has 32 bytes");
        uuid::Builder::from_custom_bytes(*bytes).into_uuid()
    }
}

/// How many objects and arrays are inside each other, at most.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string) = (0_usize, 0, false);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' => {
                // Only a string has one, and what follows is no end of it.
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

/// What is to be known about an object's own keys.
struct Keys {
    count: usize,
    has_id: bool,
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
        let mut keys = Keys {
            count: 0,
            has_id: false,
        };
        // In bytes, as a key may hold half a character.
        while let Some(key) = map.next_key::<&RawValue>()? {
            let value: &RawValue = map.next_value()?;
            keys.count += 1;
            let name = key.get().trim_matches('"');
            // As the archiver reads it: in any case, and only text.
            keys.has_id |= name.eq_ignore_ascii_case(EVENT_ID)
                && value.get().starts_with('"')
                && value.get() != "\"\"";
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::*;

    fn event(json: &str) -> Result<Event<'_>, NoEvent> {
        Event::new(serde_json::from_str(json).unwrap())
    }

    fn stamp(idempotency_key: Option<&str>, body: &str) -> Stamp {
        Stamp::new(
            datetime!(2026-01-02 03:04:05.6789 +01:00),
            idempotency_key.map(str::as_bytes),
            body.as_bytes(),
            Uuid::from_u128(7),
        )
    }

    fn line(json: &str, place: usize) -> String {
        let mut line = Vec::new();
        event(json)
            .unwrap()
            .write_line(&stamp(None, ""), place, &mut line);
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
    fn an_id_is_added_when_there_is_none_that_is_text() {
        for (json, has_id) in [
            (r#"{"eventId":"x"}"#, true),
            (r#"{"a":1,"EVENTID":"x"}"#, true),
            (r#"{"eventId":""}"#, false),
            (r#"{"eventId":7}"#, false),
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
    fn ids_differ_by_place_and_request_and_repeat_with_the_senders_key() {
        let ids = [
            stamp(None, "b").event_id(0),
            stamp(None, "b").event_id(1),
            stamp(Some("k"), "b").event_id(0),
            stamp(Some("k"), "c").event_id(0),
            stamp(Some("l"), "b").event_id(0),
        ];

        for (place, id) in ids.iter().enumerate() {
            assert!(!ids[..place].contains(id), "{place}");
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

        assert_eq!(event("[]"), Err(NoEvent::NotAnObject));
        assert_eq!(event("\"LOGIN\""), Err(NoEvent::NotAnObject));
        assert_eq!(event("null"), Err(NoEvent::NotAnObject));
        assert_eq!(event(" { } "), Err(NoEvent::Empty));
        assert!(event(&nested(MAX_DEPTH - 1)).is_ok());
        assert_eq!(event(&nested(MAX_DEPTH)), Err(NoEvent::TooDeep));
        assert_eq!(event(&"[".repeat(101).add_ends()), Err(NoEvent::TooDeep));
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
