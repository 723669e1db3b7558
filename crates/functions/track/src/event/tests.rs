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
