//! The lake and the forwarder read the same events from the same body: as many, by the same ids, times, kinds and names.

use std::{env, fs, io::Write as _, path::PathBuf};

use event_mapping::{Arrival, Mapper, MappingConfig, Outcome as EventOutcome, RejectReason};
use event_model::mparticle::ArchivedMessage;
use flate2::{Compression, write::GzEncoder};
use lake_files::Source;
use lake_schema::Table;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use time::macros::date;

use crate::{
    lake::{Outcome, SOURCE, outcome, outcome_of},
    rows::Row,
};

const SENT_AT_MS: i64 = 1_767_355_200_000;

/// Sends whatever can be sent, and names what has a name by it.
const EVERYTHING: &str = r#"{
    "scope": "everything", "purchases": "event",
    "events": { "profile": { "send": true }, "screen_view": { "name": "{screen_name}" } },
    "identity": { "user_id_from": "mpid", "without": "placeholder" },
    "environments": ["production", "development", "unknown", "absent"]
}"#;

fn archived(id: &str, body: &str) -> String {
    serde_json::to_string(&ArchivedMessage::new(id, SENT_AT_MS, body)).unwrap() + "\n"
}

fn convert(body: &str) -> Outcome {
    outcome(&Table::app_events(), archived("m", body).as_bytes())
}

/// Reads the body both ways and compares what was found.
fn assert_alike(name: &str, body: &str) {
    // The forwarder knows no first day of a table, and believes times from 2010 on.
    let source = Source {
        first_day: date!(2010 - 01 - 01),
        ..SOURCE
    };
    let lake = outcome_of(&Table::app_events(), source, archived("m", body).as_bytes());
    let mapper = Mapper::new(MappingConfig::from_json(EVERYTHING).unwrap()).unwrap();
    let arrival = Arrival {
        sent_at_ms: SENT_AT_MS,
        now_ms: SENT_AT_MS + 5,
        max_age_ms: None,
    };
    let forwarded = mapper.map(body, &arrival);
    assert_eq!(forwarded.more, event_mapping::More::default(), "{name}");

    let unreadable: Vec<&str> = forwarded
        .events
        .iter()
        .filter_map(|event| match &event.outcome {
            EventOutcome::Reject(rejection, _) if is_unreadable(rejection.reason) => {
                Some(rejection.reason.code())
            }
            EventOutcome::Reject(..) | EventOutcome::Send(_) | EventOutcome::Skip(_) => None,
        })
        .collect();
    assert_eq!(lake.reasons(), unreadable, "{name}");
    assert_eq!(
        lake.rows.len() + unreadable.len(),
        forwarded.events.len(),
        "{name}: counts"
    );
    for event in &forwarded.events {
        let EventOutcome::Send(call) = &event.outcome else {
            continue;
        };
        let of_call = |row: &&Row| row["event_key"] == *call.id;
        let row = lake
            .rows
            .iter()
            .find(of_call)
            .unwrap_or_else(|| panic!("{name}: no row {}", call.id));
        assert_eq!(row["ts"], call.at_ms, "{name}: time");
        assert_eq!(row["event_type"], event.event_type.as_str(), "{name}: kind");
        // The lake keeps names as they were sent; a destination takes 255 characters and no control characters.
        let own = row.get("event_name").and_then(Value::as_str).map(|name| {
            let kept: String = name.chars().take(255).collect();
            kept.replace(char::is_control, "_")
        });
        let own = own.as_deref();
        match event.event_type.as_str() {
            "screen_view" => assert_eq!(own.unwrap_or("screen_view"), call.event_name, "{name}"),
            "custom_event" => assert_eq!(own, Some(&*call.event_name), "{name}"),
            _ => {}
        }
    }
}

fn is_unreadable(reason: RejectReason) -> bool {
    matches!(
        reason,
        RejectReason::MalformedJson
            | RejectReason::Encoded
            | RejectReason::NotABatch
            | RejectReason::BareEvent
            | RejectReason::FirehoseFormat
            | RejectReason::NotAnEvent
    )
}

/// The bodies in a folder and in the folders in it.
fn bodies(folder: &PathBuf) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(bodies(&path));
        } else if path.extension().is_some_and(|ending| ending == "json") {
            found.push((
                path.display().to_string(),
                fs::read_to_string(&path).unwrap(),
            ));
        }
    }
    found
}

#[test]
fn every_sample_is_read_alike() {
    let samples =
        bodies(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../events/mparticle"));
    assert!(samples.len() > 30);

    for (name, body) in samples {
        assert_alike(&name, &body);
    }
}

/// Bodies that mParticle publishes and that real webhooks were sent. They are not part of this repository.
#[test]
fn every_published_body_is_read_alike() {
    let named = env::var_os("CISTERN_SHARED_DATA").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data");
    let folder = named.unwrap_or_else(beside).join("mparticle");
    if !folder.is_dir() {
        return;
    }
    for (name, body) in bodies(&folder) {
        assert_alike(&name, &body);
    }
}

fn any_field(usual: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => usual,
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(|number| number.to_string().into()),
        1 => ".{0,4}".prop_map(Value::from),
        1 => Just(json!([1])),
        1 => Just(json!({"a": "b"})),
    ]
}

fn any_event() -> impl Strategy<Value = Value> {
    let kinds = vec![
        "screen_view",
        "custom_event",
        "session_start",
        "commerce_event",
        "first_run",
        "push_message",
        "brand_new",
    ];
    let ids = any_field("[a-zA-Z0-9_/-]{0,6}".prop_map(Value::from));
    let numbers = any_field(any::<i64>().prop_map(Value::from));
    let times = any_field(prop_oneof![
        (1_500_000_000_000_i64..1_800_000_000_000).prop_map(Value::from),
        (1_500_000_000_i64..1_800_000_000).prop_map(Value::from),
        Just(json!("2026-01-01T00:00:00Z")),
    ]);
    let names = || any_field("[a-z]{1,4}".prop_map(Value::from));
    let event = (
        proptest::sample::select(kinds),
        any::<[bool; 6]>(),
        ids,
        numbers,
        times,
        names(),
        names(),
    )
        .prop_map(
            |(kind, is_there, id, number, time, event_name, screen_name)| {
                let members = [
                    ("source_message_id", id),
                    ("event_id", number.clone()),
                    ("session_id", number),
                    ("timestamp_unixtime_ms", time),
                    ("event_name", event_name),
                    ("screen_name", screen_name),
                ];
                let data: Map<String, Value> = members
                    .into_iter()
                    .zip(is_there)
                    .filter(|(_, is_there)| *is_there)
                    .map(|((name, value), _)| (name.to_owned(), value))
                    .collect();
                json!({"event_type": kind, "data": data})
            },
        );
    prop_oneof![12 => event, 1 => any_field(Just(json!({})))]
}

fn any_batch() -> impl Strategy<Value = Value> {
    let events = proptest::collection::vec(any_event(), 0..6);
    let mpid = any_field(any::<i64>().prop_map(Value::from));
    let time = any_field((1_500_000_000_000_i64..1_800_000_000_000).prop_map(Value::from));
    (events, mpid, time, any_field(Just(json!("production")))).prop_map(
        |(events, mpid, time, environment)| {
            json!({"events": events, "mpid": mpid, "timestamp_unixtime_ms": time, "environment": environment,
                "schema_version": 2, "device_info": {"platform": "iOS", "model": "x"}})
        },
    )
}

fn any_body() -> impl Strategy<Value = String> {
    let lead = proptest::sample::select(vec!["", "\u{feff}", " \n"]);
    let body = prop_oneof![
        3 => any_batch(),
        1 => proptest::collection::vec(prop_oneof![4 => any_batch(), 1 => any_event()], 0..4).prop_map(Value::from),
    ];
    (lead, body).prop_map(|(lead, body)| format!("{lead}{body}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_body_is_read_alike(body in any_body()) {
        assert_alike(&body, &body);
    }

    /// The response to a POST may get lost: then the same body is delivered again, in another message.
    #[test]
    fn a_body_that_is_delivered_again_has_the_same_ids(body in any_body()) {
        let ids = |id: &str| -> Vec<Value> {
            let rows = outcome(&Table::app_events(), archived(id, &body).as_bytes()).rows;
            rows.into_iter().map(|row| row["event_key"].clone()).collect()
        };

        prop_assert_eq!(ids("m-1"), ids("m-2"));
    }

    #[test]
    fn whatever_was_sent_is_in_a_column_or_in_extra(batch in any_batch()) {
        let lake = convert(&batch.to_string());

        let events = batch["events"].as_array().unwrap().iter().filter(|event| event.is_object());
        prop_assert_eq!(lake.rows.len(), events.clone().count());
        let texts: Vec<String> = lake.rows.iter().map(|row| {
            let columns = row.iter().filter(|(name, _)| *name != "_extra").map(|(_, value)| value.to_string());
            columns.chain(row.get("_extra").and_then(Value::as_str).map(str::to_owned)).collect::<Vec<_>>().join(" ")
        }).collect();
        for event in events {
            for member in event["data"].as_object().into_iter().flatten() {
                let is_kept = |text: &String| match (member.0.as_str(), member.1) {
                    (name, Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => text.contains(name),
                    ("timestamp_unixtime_ms", Value::Number(_) | Value::String(_)) => true,
                    // A text as it was sent, or a number without a plus sign and the white space around it.
                    (_, Value::String(value)) if value.trim().parse::<i64>().is_ok() => {
                        let number = value.trim().parse::<i64>();
                        text.contains(value.as_str()) || number.is_ok_and(|id| text.contains(&id.to_string()))
                    }
                    (_, value) => text.contains(&value.to_string()),
                };
                prop_assert!(texts.iter().any(is_kept), "{:?} of {} in {:?}", member, event, texts);
            }
        }
    }
}

#[test]
fn a_row_has_what_the_model_reads_and_extra_the_rest_as_it_was_sent() {
    let body = r#"{"mpid":"-7","environment":"development","timestamp_unixtime_ms":"1767268860000",
        "device_info":{"platform":"iOS","model":"x"},"application_info":{"application_name":"Shop","application_version":"1.2"},
        "events":[{"event_type":"screen_view","data":{"event_id":"9007199254740993","session_id":"0","event_name":null,
        "screen_name":"FieldTarget","price":1.50}}]}"#;

    let [row] = convert(body).rows.try_into().unwrap();

    let expected = json!({
        "event_key": "mp-9007199254740993", "event_type": "screen_view", "event_name": "FieldTarget",
        "event_id": 9_007_199_254_740_993_i64, "mpid": -7, "ts": 1_767_268_860_000_i64, "sent_at": SENT_AT_MS,
        "environment": "development", "platform": "iOS", "application_name": "Shop", "application_version": "1.2",
        "dt": "2026-01-01", "_clamped": false,
        "_extra": concat!(
            r#"{"batch":{"timestamp_unixtime_ms":"1767268860000","device_info":{"model":"x"}},"#,
            r#""event":{"data":{"session_id":"0","event_name":null,"price":1.50}}}"#,
        ),
    });
    assert_eq!(Value::from(Map::from_iter(row)), expected);
}

#[test]
fn times_that_cannot_be_give_way_to_the_batchs_and_then_to_the_arrival() {
    for (event, batch, ts, clamped) in [
        ("null", "1767268860000", 1_767_268_860_000, false),
        ("1", r#""1767268860""#, 1_767_268_860_000, false),
        // Past 2010, but before the table's first day.
        ("1400000000000", "1767268860000", 1_767_268_860_000, false),
        ("4102444800000", "0", SENT_AT_MS, true),
        (r#""yesterday""#, "null", SENT_AT_MS, true),
    ] {
        let body = format!(
            r#"{{"timestamp_unixtime_ms":{batch},"mpid":1,"events":[{{"data":{{"timestamp_unixtime_ms":{event}}}}}]}}"#
        );

        let [row] = convert(&body).rows.try_into().unwrap();

        assert_eq!(
            (&row["ts"], &row["_clamped"]),
            (&ts.into(), &clamped.into()),
            "{body}"
        );
    }
}

#[test]
fn a_batch_without_events_is_no_row_and_what_is_no_batch_is_one_rejection() {
    for (body, rows, reasons) in [
        (r#"{"mpid":1,"events":[]}"#, 0, &[][..]),
        (r#"{"mpid":1,"user_attributes":{"a":"b"}}"#, 0, &[]),
        ("[]", 0, &[]),
        (r#"{"request_type":"alias","mpid":1}"#, 1, &[]),
        ("{}", 0, &["not_a_batch"]),
        ("not JSON", 0, &["malformed_json"]),
        (
            r#"{"mpid":1,"events":[1,{},null]}"#,
            1,
            &["not_an_event", "not_an_event"],
        ),
        (
            r#"{"client_id":"x","events":[{"name":"a","params":{}},{"name":"b"}]}"#,
            0,
            &["not_a_batch"],
        ),
        (
            r#"{"batch":[{"type":"track","event":"a"}],"sentAt":"x"}"#,
            0,
            &["not_a_batch"],
        ),
        (
            r#"{"messageType":"DATA_MESSAGE","logEvents":[{}]}"#,
            0,
            &["not_a_batch"],
        ),
        ("\u{1f}\u{fffd}\u{8}\0", 0, &["encoded"]),
    ] {
        let outcome = convert(body);

        assert_eq!(
            (outcome.rows.len(), &outcome.reasons()[..]),
            (rows, reasons),
            "{body}"
        );
    }
}

#[test]
fn what_is_not_archived_as_a_message_is_taken_for_a_body() {
    let body = r#"{"mpid":1,"events":[{"event_type":"first_run","data":{}}]}"#;
    let table = Table::app_events();

    let lake = outcome(&table, format!("{body}\nhello\n[{body},{body}]").as_bytes());

    assert_eq!(lake.rows.len(), 3);
    assert_eq!(lake.reasons(), ["not_json"]);
}

#[test]
fn what_batches_say_of_too_many_events_is_told_and_not_written() {
    let attribute = "x".repeat(400_000);
    let list = vec!["{}"; 1_000].join(",");
    let large = archived(
        "m",
        &format!(r#"{{"mpid":1,"user_attributes":"{attribute}","events":[{list}]}}"#),
    );
    let next = archived("n", r#"{"mpid":1,"events":[{"event_type":"first_run"}]}"#);

    let outcome = outcome(&Table::app_events(), (large + &next).as_bytes());

    assert_eq!(outcome.reasons(), ["too_much"]);
    assert_eq!(outcome.rows.len(), 1);
}

#[test]
fn an_object_in_another_form_is_one_rejection_that_names_it() {
    let zip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let messages = archived("m", r#"{"mpid":1,"events":[{}]}"#).repeat(500);

    for (object, form) in [
        (zip(&zip(messages.as_bytes())), "gzip"),
        (b"PK\x03\x04\x14\0\0\0".to_vec(), "zip"),
        (zip(b"\x28\xb5\x2f\xfd\x20\0\0"), "zstd"),
    ] {
        let outcome = outcome(&Table::app_events(), &object);

        assert_eq!(outcome.reasons(), ["encoded"]);
        assert!(
            outcome.rejected[0]["detail"]
                .as_str()
                .unwrap()
                .contains(form)
        );
    }
    let whole = zip(messages.as_bytes());
    let cut = outcome(&Table::app_events(), &whole[..whole.len() - 4]);
    assert!(!cut.rows.is_empty());
    assert_eq!(cut.reasons(), ["not_expanded"]);
}
