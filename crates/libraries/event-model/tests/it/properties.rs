//! Properties of every body, on generated ones.

use std::collections::HashSet;

use event_model::sparkpost::{Event, parse_batch};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::samples::NOW;

/// The expected result of an element of a generated batch.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    Event,
    Sanitized,
    Rejected(&'static str),
    Ping,
}

/// One element as JSON text, with its expected result.
fn element() -> impl Strategy<Value = (String, Expected)> {
    prop_oneof![
        4 => event_json().prop_map(|event| (wrap(&event), Expected::Event)),
        1 => unstorable_event().prop_map(|event| (wrap(&event), Expected::Sanitized)),
        1 => Just((r#"{"msys":{}}"#.to_owned(), Expected::Ping)),
        1 => rejected_element(),
    ]
}

fn wrap(event: &str) -> String {
    format!(r#"{{"msys":{{"message_event":{event}}}}}"#)
}

/// An event as JSON text, with values of every type in every field.
fn event_json() -> impl Strategy<Value = String> {
    let event_type = prop::sample::select(vec!["bounce", "delivery", "open", "something_new"]);
    let event_id = prop_oneof![
        any::<u64>().prop_map(|id| json!(id)),
        any::<u64>().prop_map(|id| json!(id.to_string())),
        Just(Value::Null),
    ];
    let seconds = 1_262_304_000_i64..1_780_000_000;
    let texts = prop::collection::btree_map(
        "subject|reason|campaign_id|rcpt_to|other",
        any::<String>(),
        0..4,
    );
    (
        event_type,
        event_id,
        seconds,
        any::<bool>(),
        texts,
        nested_value(),
    )
        .prop_map(|(event_type, event_id, seconds, quoted, texts, nested)| {
            let mut event =
                json!({ "type": event_type, "event_id": event_id, "rcpt_meta": nested });
            event["timestamp"] = if quoted {
                json!(seconds.to_string())
            } else {
                json!(seconds)
            };
            for (field, text) in texts {
                event[field] = json!(text.replace('\0', ""));
            }
            event.to_string()
        })
}

fn nested_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<f32>().prop_map(|value| json!(value)),
        r#"[a-z{}\[\]",:\\\\]{0,8}"#.prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|values| json!(values)),
            prop::collection::btree_map(r#"[a-z\\\\{"]{0,4}"#, inner, 0..4)
                .prop_map(|values| json!(values)),
        ]
    })
}

fn unstorable_event() -> impl Strategy<Value = String> {
    let escape = prop::sample::select(vec![
        r"\u0000",
        r"\ud83d",
        r"\udE00",
        r"\ud83d\ud83d\ude00",
        r"\udcda\\u0000",
    ]);
    ("[a-z]{0,6}", escape, "[a-z]{0,6}").prop_map(|(before, escape, after)| {
        format!(r#"{{"type":"open","timestamp":1770120000,"subject":"{before}{escape}{after}"}}"#)
    })
}

fn rejected_element() -> impl Strategy<Value = (String, Expected)> {
    prop::sample::select(vec![
        ("17", "item_not_an_object"),
        ("\"]}\"", "item_not_an_object"),
        ("[{}]", "item_not_an_object"),
        ("{}", "missing_msys"),
        (r#"{"msys":[]}"#, "msys_not_an_object"),
        (r#"{"msys":{"a":{},"b":{}}}"#, "several_classes"),
        (r#"{"msys":{"a":null}}"#, "event_not_an_object"),
        (r#"{"msys":{"a":{"type":"open"}}}"#, "missing_timestamp"),
        (
            r#"{"msys":{"a":{"timestamp":"soon"}}}"#,
            "unreadable_timestamp",
        ),
        (
            r#"{"msys":{"a":{"timestamp":0}}}"#,
            "timestamp_out_of_range",
        ),
        (
            r#"{"msys":{"a":{"timestamp":1770120000,"reason":{"text":"full"}}}}"#,
            "not_text",
        ),
        (
            r#"{"msys":{"a":{"timestamp":1770120000,"size":1e999999}}}"#,
            "unstorable_number",
        ),
    ])
    .prop_map(|(text, code)| (text.to_owned(), Expected::Rejected(code)))
}

/// A body of these elements, and the position at which each ends.
#[derive(Clone, Debug)]
struct Body {
    text: String,
    elements: Vec<(String, Expected)>,
    ends: Vec<usize>,
}

fn body() -> impl Strategy<Value = Body> {
    let spaces = prop::sample::select(vec!["", " ", "\n", "\r\n\t "]);
    (prop::collection::vec(element(), 0..8), spaces).prop_map(|(elements, space)| {
        let mut text = [space, "[", space].concat();
        let mut ends = Vec::new();
        for (position, (element, _)) in elements.iter().enumerate() {
            if position > 0 {
                text.extend([space, ",", space]);
            }
            text.push_str(element);
            ends.push(text.len());
        }
        text.extend([space, "]", space]);
        Body {
            text,
            elements,
            ends,
        }
    })
}

/// The conditions of every event that Postgres accepts.
fn assert_storable(event: &Event<'_>) {
    // serde_json refuses lone surrogates, as Postgres does.
    let payload: Value = serde_json::from_str(&event.payload).unwrap();
    assert!(payload.is_object());
    assert!(!contains_nul(&payload), "{}", event.payload);
    for text in [
        &event.subject,
        &event.reason,
        &event.rcpt_to,
        &event.campaign_id,
    ]
    .into_iter()
    .flatten()
    {
        assert!(!text.contains('\0'));
    }
}

fn contains_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(contains_nul),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.contains('\0') || contains_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_element_has_one_outcome(body in body()) {
        let batch = parse_batch(body.text.as_bytes(), NOW);

        let mut events = batch.events.iter();
        let mut rejected = batch.rejected.iter();
        for (ordinal, (element, expected)) in (0..).zip(&body.elements) {
            match expected {
                Expected::Event => {
                    let event = events.next().unwrap();
                    prop_assert_eq!(event.ordinal, ordinal);
                    prop_assert!(element.contains(event.payload.as_ref()));
                    assert_storable(event);
                }
                Expected::Sanitized => {
                    let event = events.next().unwrap();
                    prop_assert_eq!(event.ordinal, ordinal);
                    prop_assert!(event.subject.as_ref().unwrap().contains(char::REPLACEMENT_CHARACTER));
                    assert_storable(event);
                }
                Expected::Rejected(code) => {
                    let item = rejected.next().unwrap();
                    prop_assert_eq!(item.ordinal, ordinal);
                    prop_assert_eq!(item.reason.code(), *code);
                    prop_assert_eq!(item.raw.as_ref(), element.as_bytes());
                }
                Expected::Ping => {}
            }
        }
        let items = body.elements.iter().filter(|(_, expected)| *expected != Expected::Ping).count();
        let sanitized = body.elements.iter().filter(|(_, expected)| *expected == Expected::Sanitized).count();
        prop_assert_eq!(batch.received(), items);
        prop_assert_eq!(batch.sanitized, sanitized);
    }

    #[test]
    fn truncation_costs_only_what_it_cuts(body in body(), cut: prop::sample::Index) {
        let cut = cut.index(body.text.len());
        let whole = parse_batch(body.text.as_bytes(), NOW);
        let cut_body = &body.text.as_bytes()[..cut];

        let batch = parse_batch(cut_body, NOW);

        let complete = body.elements.iter().zip(&body.ends).filter(|((element, _), end)| {
            // A truncated number may or may not be complete.
            **end < cut || **end == cut && !element.ends_with(|last: char| last.is_ascii_digit())
        });
        let complete = u32::try_from(complete.count()).unwrap();
        let is_closed = cut_body.trim_ascii_end().len() == body.text.trim_end().len();
        let events: Vec<_> = whole.events.into_iter().filter(|event| event.ordinal < complete).collect();
        let rejected = whole.rejected.iter().filter(|item| item.ordinal < complete).count();
        prop_assert_eq!(batch.events, events);
        prop_assert_eq!(batch.rejected.len(), rejected + usize::from(!is_closed));
        if let Some(rest) = batch.rejected.last().filter(|_| !is_closed) {
            prop_assert_eq!(rest.ordinal, complete);
            prop_assert!(cut_body.ends_with(&rest.raw));
        }
    }

    #[test]
    fn keys_are_stable_and_differ_by_type_id_and_position_among_equals(
        types in prop::sample::subsequence(vec!["bounce", "click", "delivery", "open"], 1..=4),
        ids in prop::collection::hash_set(any::<u64>(), 1..4),
        copies in 1..4_usize,
    ) {
        let with_id = types.iter().flat_map(|event_type| {
            ids.iter().map(move |id| format!(r#"{{"type":"{event_type}","timestamp":1770120000,"event_id":"{id}"}}"#))
        });
        let without_id = types.iter().flat_map(|event_type| {
            vec![format!(r#"{{"type":"{event_type}","timestamp":1770120000}}"#); copies]
        });
        let elements: Vec<_> = with_id.chain(without_id).map(|event| wrap(&event)).collect();
        let body = format!("[{}]", elements.join(","));

        let batch = parse_batch(body.as_bytes(), NOW);

        let keys: HashSet<_> = batch.events.iter().map(|event| event.key).collect();
        prop_assert_eq!(keys.len(), types.len() * (ids.len() + copies));
        prop_assert_eq!(parse_batch(body.as_bytes(), NOW), batch);
    }

    #[test]
    fn an_id_gives_the_same_key_as_a_number_or_a_string(id: u64) {
        let body = format!(
            r#"[{{"msys":{{"a":{{"event_id":{id},"type":"open","timestamp":1770120000}}}}}},
                {{"msys":{{"b":{{"timestamp":"1770120000","type":"open","event_id":"{id}"}}}}}}]"#
        );

        let batch = parse_batch(body.as_bytes(), NOW);

        prop_assert_eq!(batch.events[0].key, batch.events[1].key);
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>) {
        prop_assert!(parse_batch(&bytes, NOW).received() <= 1 + bytes.len());
    }

    #[test]
    fn damaged_bodies_give_storable_events(
        body in body(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = body.text.into_bytes();
        for (position, byte) in damages {
            let position = position.index(bytes.len());
            bytes[position] = byte;
        }

        let batch = parse_batch(&bytes, NOW);

        batch.events.iter().for_each(assert_storable);
    }

    #[test]
    fn broken_text_in_strings_is_stored_with_replacements(
        text in prop::collection::vec(
            prop_oneof![
                any::<u16>().prop_map(|unit| format!("\\u{unit:04x}").into_bytes()),
                (0xd800_u16..0xe000).prop_map(|unit| format!("\\u{unit:04X}").into_bytes()),
                (0x80_u8..).prop_map(|byte| vec![byte]),
                prop::sample::select(vec!["\\\\", "\\\"", "\\n", "u0000", "é", "x"]).prop_map(Into::into),
            ],
            0..12,
        ),
    ) {
        let mut body = br#"[{"msys":{"track_event":{"timestamp":1770120000,"type":"open","subject":""#.to_vec();
        body.extend(text.concat());
        body.extend(br#""}}}]"#);

        let batch = parse_batch(&body, NOW);

        prop_assert_eq!((batch.events.len(), batch.rejected.len()), (1, 0));
        assert_storable(&batch.events[0]);
    }
}

#[test]
fn nesting_of_any_depth_is_refused_without_using_the_stack() {
    let depth = 1_000_000;
    let deep = "[".repeat(depth) + &"]".repeat(depth);
    let body = format!(
        "[{},{deep}]",
        wrap(&format!(r#"{{"timestamp":1770120000,"rcpt_meta":{deep}}}"#))
    );

    let batch = parse_batch(body.as_bytes(), NOW);

    let codes: Vec<_> = batch
        .rejected
        .iter()
        .map(|item| item.reason.code())
        .collect();
    assert_eq!(codes, ["too_deep", "item_not_an_object"]);
}

#[test]
fn an_item_full_of_classes_is_refused_in_linear_time() {
    let classes: Vec<_> = (0..200_000)
        .map(|number| format!(r#""c{number}":{{}}"#))
        .collect();
    let body = format!(r#"[{{"msys":{{{}}}}}]"#, classes.join(","));

    let batch = parse_batch(body.as_bytes(), NOW);

    assert_eq!(
        batch.rejected[0].reason.to_string(),
        "`msys` holds more than one class: c0, c1, c2, c3"
    );
}

#[test]
fn a_class_too_long_for_an_index_is_refused() {
    let class = "c".repeat(1_025);
    let body = format!(r#"[{{"msys":{{"{class}":{{"timestamp":1770120000}}}}}}]"#);

    let batch = parse_batch(body.as_bytes(), NOW);

    assert_eq!(
        batch.rejected[0].reason.to_string(),
        "`class` is 1025 bytes long; at most 1024 are accepted"
    );
}

#[test]
fn a_member_that_is_indexed_where_it_is_has_the_length_of_a_column() {
    for member in [
        "ip_pool",
        "ab_test_id",
        "mailbox_provider",
        "mailbox_provider_region",
        "sending_ip",
        "provider",
    ] {
        let codes = |length: usize| {
            let text = "x".repeat(length);
            let body = format!(
                r#"[{{"msys":{{"message_event":{{"type":"open","timestamp":1770120000,"{member}":"{text}"}}}}}}]"#
            );
            let batch = parse_batch(body.as_bytes(), NOW).rejected;
            batch
                .iter()
                .map(|item| item.reason.code())
                .collect::<Vec<_>>()
        };

        assert!(codes(1_000).is_empty(), "{member}");
        assert_eq!(codes(1_025), ["too_long"], "{member}");
    }
}

/// `[17]` without its bracket cannot be distinguished from a truncated `[170]`: the rest is not an item in either case.
#[test]
fn number_at_the_cut_is_not_taken_for_whole() {
    for body in ["[1", "[17", "[{},17"] {
        let batch = parse_batch(body.as_bytes(), NOW);

        let last = batch.rejected.last().unwrap();
        assert_eq!(last.reason.code(), "truncated", "{body}");
    }
    assert_eq!(
        parse_batch(b"[17 ", NOW).rejected[0].reason.code(),
        "item_not_an_object"
    );
}
