//! The result of each mParticle sample body, with the default mapping and with one that sends everything possible.

use std::{collections::BTreeSet, fs, path::PathBuf};

use event_mapping::{Arrival, DryRun, Mapper, MappingConfig, dry_run};
use serde_json::{Value, json};

/// The time at which the samples arrive: a day after their events.
pub(crate) const ARRIVAL: Arrival = Arrival {
    sent_at_ms: 1_767_355_200_000,
    now_ms: 1_767_355_260_000,
    max_age_ms: None,
};

const EVERYTHING: &str = r#"{
    "scope": "everything",
    "events": { "profile": { "send": true }, "screen_view": { "name": "Viewed {screen_name} Screen" } },
    "profiles": true,
    "identity": { "project": "email", "without": "placeholder" },
    "environments": ["production", "development", "unknown", "absent"],
    "consent": { "regulation": "gdpr", "purpose": "marketing", "when_unknown": "send" },
    "attributes": { "coerce": "mparticle" }
}"#;

/// The name and the text of every sample body, by name.
pub(crate) fn read_samples() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../events/mparticle");
    let mut samples: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    samples.sort();
    samples
}

/// A mapper by this configuration.
pub(crate) fn mapper(config: &str) -> Mapper {
    Mapper::new(MappingConfig::from_json(config).unwrap()).unwrap()
}

/// The result of this sample with this configuration.
fn run(name: &str, config: &str) -> DryRun {
    let samples = read_samples();
    let (_, body) = samples.iter().find(|(other, _)| other == name).unwrap();
    dry_run(&mapper(config), body, &ARRIVAL)
}

/// The only request of this sample.
fn request(name: &str, config: &str) -> Value {
    let report = run(name, config);
    assert_eq!(report.sent, 1, "{name}");
    let sent = report
        .events
        .iter()
        .find_map(|event| event.request.as_ref());
    serde_json::from_str(sent.unwrap().get()).unwrap()
}

#[test]
fn every_sample_maps_as_reviewed() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("golden_mparticle");
    settings.set_omit_expression(true);
    let (default, everything) = (mapper("{}"), mapper(EVERYTHING));

    for (name, body) in read_samples() {
        let view = json!({
            "default": dry_run(&default, &body, &ARRIVAL),
            "everything": dry_run(&everything, &body, &ARRIVAL),
        });
        settings.bind(|| insta::assert_json_snapshot!(name.as_str(), view));
    }
}

#[test]
fn no_mparticle_snapshot_outlives_its_sample() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden_mparticle");
    let snapshots: BTreeSet<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "snap"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();

    let samples: BTreeSet<_> = read_samples().into_iter().map(|(name, _)| name).collect();
    assert_eq!(snapshots, samples);
}

#[test]
fn readme_lists_every_mparticle_sample_and_nothing_else() {
    let listed: BTreeSet<_> = include_str!("../../../../../events/mparticle/README.md")
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once(".json`")?.0.to_owned()))
        .collect();

    let samples: BTreeSet<_> = read_samples().into_iter().map(|(name, _)| name).collect();
    assert_eq!(listed, samples);
}

#[test]
fn every_sample_is_accounted_for() {
    for (name, body) in read_samples() {
        for config in ["{}", EVERYTHING] {
            let report = dry_run(&mapper(config), &body, &ARRIVAL);

            let skipped: u64 = report.skipped.values().sum();
            let rejected: u64 = report.rejected.values().sum();
            assert_eq!(
                report.event_count,
                report.sent + skipped + rejected,
                "{name}"
            );
            assert_eq!(report.events.len() as u64, report.event_count, "{name}");
        }
    }
}

#[test]
fn both_forms_of_a_batch_and_of_its_numbers_map_alike() {
    let requests = |name| {
        let report = run(name, "{}");
        let without_mpid = |json: &str| {
            let mut request: Value = serde_json::from_str(json).unwrap();
            request["dataFields"]
                .as_object_mut()
                .unwrap()
                .remove("mp_mpid");
            request
        };
        let sent = report.events.into_iter().filter_map(|event| event.request);
        sent.map(|request| without_mpid(request.get()))
            .collect::<Vec<_>>()
    };

    let outbound = requests("outbound-session");

    assert_eq!(outbound.len(), 5);
    assert_eq!(outbound, requests("outbound-session-strings"));
    assert_eq!(outbound, requests("inbound-session"));
}

#[test]
fn numbers_past_53_bits_keep_every_digit() {
    let report = run("ids-past-53-bits", "{}");

    let requests: Vec<Value> = report
        .events
        .iter()
        .map(|event| serde_json::from_str(event.request.as_ref().unwrap().get()).unwrap())
        .collect();
    let ids: Vec<_> = requests
        .iter()
        .map(|request| request["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids,
        [
            "mp-679644799952992891",
            "mp--6518616552181726857",
            "mp-18446744073709551615"
        ]
    );
    assert_eq!(requests[0]["dataFields"]["mp_mpid"], "-9223372036854775808");
}

#[test]
fn address_with_nul_is_nobodys() {
    let report = run("nul-in-email", "{}");

    assert_eq!(report.skipped["no_identity"], 1);
}

#[test]
fn decimal_quantity_is_rounded_up_and_kept_beside() {
    let purchase = request("purchase-decimal-quantity", r#"{"purchases":"purchase"}"#);

    assert_eq!(purchase["items"][0]["quantity"], 9);
    assert_eq!(purchase["items"][0]["dataFields"]["exact_quantity"], 8.5);
    let event = request("purchase-decimal-quantity", r#"{"purchases":"event"}"#);
    assert_eq!(event["dataFields"]["products"][0]["quantity"], 8.5);
}

#[test]
fn seconds_in_a_field_for_milliseconds_are_seconds() {
    let report = run("timestamp-in-seconds", "{}");

    let created_at: Vec<i64> = report
        .events
        .iter()
        .map(|event| serde_json::from_str::<Value>(event.request.as_ref().unwrap().get()).unwrap())
        .map(|request| request["createdAt"].as_i64().unwrap())
        .collect();
    let batch_time = 1_767_268_860;
    assert_eq!(
        created_at,
        [1_767_268_801, batch_time, batch_time, batch_time]
    );
}

#[test]
fn events_past_the_age_limit_are_rejected() {
    let samples = read_samples();
    let (_, body) = samples
        .iter()
        .find(|(name, _)| name == "outbound-session")
        .unwrap();
    let arrival = Arrival {
        max_age_ms: Some(3_600_000),
        ..ARRIVAL
    };

    let report = dry_run(&mapper("{}"), body, &arrival);

    assert_eq!(report.rejected["too_old_for_destination"], 5);
    assert_eq!(report.events[0].detail.as_deref(), Some("24 hours old"));
}

#[test]
fn archive_lines_are_mapped_by_the_time_they_were_taken() {
    let line = r#"{"messageId":"m","sentAt":"2025-12-01T00:00:00Z","body":"{\"mpid\":5,\"user_identities\":{\"customer_id\":\"a\"},\"events\":[{\"event_type\":\"first_run\",\"data\":{}}]}"}"#;

    let report = dry_run(&mapper("{}"), &format!("{line}\n{line}\n"), &ARRIVAL);

    assert_eq!((report.event_count, report.sent), (2, 2));
    assert_eq!(report.events[1].body, 1);
    assert!(
        report.events[1]
            .request
            .as_ref()
            .unwrap()
            .get()
            .contains("\"createdAt\":1764547200")
    );
}
