//! Responses recorded from SparkPost's Events API, if they are beside the repository.

use std::path::{Path, PathBuf};

use event_model::Timestamp;
use event_query::{Dialect, EventQuery, Format, IndexedKeys};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// `None` if the recordings are missing.
fn recordings() -> Option<PathBuf> {
    let beside_the_repository =
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data");
    let folder =
        std::env::var_os("CISTERN_SHARED_DATA").map_or_else(beside_the_repository, PathBuf::from);
    let recordings = folder.join("sparkpost/events-api");

    recordings.is_dir().then_some(recordings)
}

/// The events of one recorded response.
fn results(file: &Path) -> Vec<Value> {
    let answer: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    answer["results"].as_array().unwrap().clone()
}

fn shape(dialect: Dialect, stored: &Value) -> Value {
    let ts = OffsetDateTime::parse(stored["timestamp"].as_str().unwrap(), &Rfc3339).unwrap();
    let mut out = Vec::new();
    EventQuery::parse("", ts, &IndexedKeys::default())
        .unwrap()
        .writer(dialect, Format::Json)
        .write_event(&mut out, Timestamp::from_time(ts), &stored.to_string())
        .unwrap();
    serde_json::from_slice(&out).unwrap()
}

/// The webhook's form of an event that the Events API returned.
fn as_by_webhook(event: &Value) -> Value {
    let mut event = event.clone();
    let members = event.as_object_mut().unwrap();
    members.remove("sending_domain");
    for id in ["customer_id", "subaccount_id"] {
        if let Some(value) = members.get_mut(id) {
            *value = json!(value.to_string());
        }
    }
    event
}

#[test]
fn recorded_events_are_answered_as_they_were_recorded() {
    let Some(recordings) = recordings() else {
        return;
    };

    for file in [
        "ui-200-get.json",
        "ui-200-get-1-result.json",
        "ui-200-get-no-results.json",
    ] {
        for recorded in results(&recordings.join(file)) {
            assert_eq!(shape(Dialect::Events, &recorded), recorded, "{file}");
            assert_eq!(
                shape(Dialect::Events, &as_by_webhook(&recorded)),
                recorded,
                "{file}"
            );
        }
    }
}

#[test]
fn documented_example_differs_where_it_contradicts_recorded_answers() {
    let Some(recordings) = recordings() else {
        return;
    };

    for documented in results(&recordings.join("docs-search-response.json")) {
        let mut expected = documented.clone();
        expected["customer_id"] = json!(1);
        expected["subaccount_id"] = json!(101);
        expected["timestamp"] = json!("2016-04-18T14:25:07.000Z");
        expected["injection_time"] = json!("2016-04-18T14:25:07.000Z");

        assert_eq!(shape(Dialect::Events, &documented), expected);
    }
}

#[test]
fn recorded_message_events_are_answered_as_they_were_recorded() {
    let Some(recordings) = recordings() else {
        return;
    };
    let mut recorded = Vec::new();
    for file in [
        "go-message-events-200.json",
        "go-message-events-200-page1.json",
        "go-message-events-200-page3.json",
    ] {
        recorded.extend(results(&recordings.join(file)));
    }
    let single = std::fs::read(recordings.join("hireclub-bounce-2017.json")).unwrap();
    recorded.push(serde_json::from_slice(&single).unwrap());

    for recorded in recorded {
        let mut expected = recorded.clone();
        // Computed, as in the newer API.
        let domain = |address: &Value| {
            address
                .as_str()
                .and_then(|address| address.split_once('@'))
                .map(|(_, d)| json!(d))
        };
        for (computed, address) in [
            ("recipient_domain", "rcpt_to"),
            ("sending_domain", "friendly_from"),
        ] {
            if let Some(domain) = domain(&recorded[address]) {
                expected[computed] = domain;
            }
        }

        assert_eq!(shape(Dialect::MessageEvents, &recorded), expected);
        assert_eq!(
            shape(Dialect::MessageEvents, &shape(Dialect::Events, &recorded)),
            expected
        );
    }
}

#[test]
fn documentation_names_every_field_that_sparkposts_does() {
    let Some(recordings) = recordings() else {
        return;
    };
    let recorded = results(&recordings.join("../docs/events-message-documentation-2020.json"));
    let ours = event_query::catalog::documentation();

    for recorded in recorded {
        let name = &recorded["type"]["sampleValue"];
        let described = ours["results"]
            .as_array()
            .unwrap()
            .iter()
            .find(|known| known["type"]["sampleValue"] == *name);
        let described = described.unwrap().as_object().unwrap();
        for field in recorded.as_object().unwrap().keys() {
            assert!(described.contains_key(field), "{name}: {field}");
        }
    }
}
