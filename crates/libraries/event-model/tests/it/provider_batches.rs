//! Batches that SparkPost documents and that real receivers published. They are not part of this repository; if the
//! folder exists, every one of them must have the expected result.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use event_model::sparkpost::{EventType, parse_batch};
use serde_json::Value;

use crate::samples::NOW;

/// Describes the fields of each type; the only `.json` file that is not a batch.
const FIELD_TABLE: &str = "event-fields.json";

/// Batches whose one event has no time: inbound mail of the separate relay webhooks, and events that were shortened by
/// the authors of a test whose receiver does not read the time.
const WITHOUT_TIME: [&str; 4] = [
    "anymail-click-event.json",
    "anymail-initial-open-event-as-opened.json",
    "anymail-open-event.json",
    "relay-message-docs.json",
];

fn folder() -> Option<PathBuf> {
    let named = env::var_os("CISTERN_SHARED_DATA").map(PathBuf::from);
    let must_exist = named.is_some();
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data");
    let folder = named.unwrap_or_else(beside).join("sparkpost");
    assert!(
        folder.is_dir() || !must_exist,
        "CISTERN_SHARED_DATA has no folder `sparkpost`"
    );
    folder.is_dir().then_some(folder)
}

fn read_batches() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = folder() else {
        return Vec::new();
    };
    let batches: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| {
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .filter(|(name, _)| name != FIELD_TABLE)
        .collect();
    assert!(batches.len() >= 20, "only {} batches", batches.len());
    batches
}

#[test]
fn every_published_event_with_a_time_is_taken() {
    for (name, body) in read_batches() {
        let elements: Vec<Value> = serde_json::from_slice(&body).unwrap();
        let items = elements
            .iter()
            .filter(|element| element["msys"] != serde_json::json!({}))
            .count();

        let batch = parse_batch(&body, NOW);

        let reasons: Vec<_> = batch
            .rejected
            .iter()
            .map(|item| item.reason.code())
            .collect();
        let expected_reasons: &[_] = if WITHOUT_TIME.contains(&name.as_str()) {
            &["missing_timestamp"]
        } else {
            &[]
        };
        assert_eq!(reasons, expected_reasons, "{name}");
        assert_eq!(batch.received(), items, "{name}");
        assert_eq!(batch.sanitized, 0, "{name}");
        for event in &batch.events {
            assert!(
                event.event_type.parse::<EventType>().is_ok() || name.starts_with("ingest-api"),
                "{name}"
            );
        }
    }
}

#[test]
fn sparkposts_test_batch_holds_19_distinct_events() {
    for (name, body) in read_batches() {
        let expected = match name.as_str() {
            "go-sample-events.json" => 19,
            "validation-ping.json" => 0,
            _ => continue,
        };

        let batch = parse_batch(&body, NOW);

        let identities: BTreeSet<_> = batch
            .events
            .iter()
            .map(|event| (event.timestamp, event.key))
            .collect();
        assert_eq!(
            (batch.received(), identities.len()),
            (expected, expected),
            "{name}"
        );
    }
}

#[test]
fn known_types_are_the_documented_ones() {
    let Some(folder) = folder() else { return };
    let table: Value =
        serde_json::from_slice(&fs::read(folder.join(FIELD_TABLE)).unwrap()).unwrap();

    let documented: BTreeSet<_> = table["types"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, facts)| {
            (
                name.clone(),
                facts["class"].as_str().unwrap().to_owned(),
                facts["in_events_api"] == true,
            )
        })
        .collect();

    let known: BTreeSet<_> = EventType::ALL
        .into_iter()
        .map(|known| {
            (
                known.to_string(),
                known.class().to_string(),
                known.searchable(),
            )
        })
        .collect();
    assert_eq!(known, documented);
}
