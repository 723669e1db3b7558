//! Batches that mParticle publishes and that real webhooks received, and responses of Iterable. They are not part of
//! this repository; if the folder exists, every one of them must have the expected result.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use event_mapping::{
    DryRun, dry_run,
    iterable::{BulkResponse, ErrorResponse},
};
use serde_json::{Value, json};

use crate::mparticle_samples::{ARRIVAL, mapper};

/// Sends everything that can be sent.
const ALL: &str = r#"{"scope":"everything","profiles":true,"identity":{"without":"placeholder"},
    "environments":["production","development","unknown","absent"],"events":{"profile":{"send":true}}}"#;

fn folder(name: &str) -> Option<PathBuf> {
    let named = env::var_os("CISTERN_SHARED_DATA").map(PathBuf::from);
    let must_exist = named.is_some();
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data");
    let folder = named.unwrap_or_else(beside).join(name);
    assert!(
        folder.is_dir() || !must_exist,
        "CISTERN_SHARED_DATA has no folder {name}"
    );
    folder.is_dir().then_some(folder)
}

/// The name and the text of every file with this ending; empty if the data is missing.
fn read(name: &str, ending: &str) -> Vec<(String, String)> {
    let Some(folder) = folder(name) else {
        return Vec::new();
    };
    let files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    assert!(!files.is_empty(), "{name} has no .{ending} files");
    files
}

/// Sent, skipped, rejected.
fn sums(report: &DryRun) -> [u64; 3] {
    let total = |counts: &BTreeMap<&'static str, u64>| counts.values().sum();
    let sums = [report.sent, total(&report.skipped), total(&report.rejected)];
    assert_eq!(report.event_count, sums.iter().sum::<u64>());
    sums
}

#[test]
fn every_published_batch_maps_as_expected() {
    // Sent, skipped and rejected: by default, and if everything possible is sent.
    let expected = BTreeMap::from([
        ("docs-adjust-attribution.json", [[0, 1, 0], [1, 0, 0]]),
        ("docs-http-bulkevents-array.json", [[0, 2, 0], [0, 0, 2]]),
        (
            "docs-kinesis-firehose-outbound.json",
            [[0, 1, 0], [0, 1, 0]],
        ),
        ("docs-overall-structure.json", [[0, 1, 0], [0, 0, 1]]),
        ("docs-quickstart-http.json", [[0, 1, 0], [1, 0, 0]]),
        ("docs-s3-outbound-line1.json", [[0, 1, 0], [1, 0, 0]]),
        ("docs-segment-migration-track.json", [[0, 2, 0], [2, 0, 0]]),
        ("mp-official-session-sample.json", [[0, 14, 0], [9, 5, 0]]),
        ("mpjson-badbatch.json", [[3, 11, 0], [13, 1, 0]]),
        ("mpjson-goodbatch.json", [[1, 2, 0], [3, 0, 0]]),
        ("rule-test1-custom.json", [[0, 1, 0], [0, 1, 0]]),
        ("wild-outbound-custom-event.json", [[0, 1, 0], [1, 0, 0]]),
    ]);
    let files = read("mparticle", "json");
    if folder("mparticle").is_some() {
        assert_eq!(files.len(), expected.len());
    }

    for (name, body) in files {
        let by_default = dry_run(&mapper("{}"), &body, &ARRIVAL);
        let with_all = dry_run(&mapper(ALL), &body, &ARRIVAL);

        assert_eq!(
            [sums(&by_default), sums(&with_all)],
            expected[name.as_str()],
            "{name}"
        );
    }
}

#[test]
fn outbound_forms_of_a_batch_map_alike() {
    let expected = BTreeMap::from([
        ("outbound-session-anonymous.jsonl", [[0, 14, 0], [9, 5, 0]]),
        ("outbound-session-numbers.jsonl", [[0, 14, 0], [9, 5, 0]]),
        (
            "outbound-session-strings-customer-only.jsonl",
            [[0, 14, 0], [9, 5, 0]],
        ),
        ("outbound-single-events.jsonl", [[3, 11, 0], [13, 1, 0]]),
    ]);
    for (name, lines) in read("mparticle/derived", "jsonl") {
        let by_default = dry_run(&mapper("{}"), &lines, &ARRIVAL);
        let with_all = dry_run(&mapper(ALL), &lines, &ARRIVAL);

        assert_eq!(
            [sums(&by_default), sums(&with_all)],
            expected[name.as_str()],
            "{name}"
        );
    }
}

#[test]
fn every_published_event_is_accounted_for_in_a_batch() {
    for (name, event) in read("mparticle/events", "json") {
        let batch =
            format!(r#"{{"mpid":5,"user_identities":{{"customer_id":"a"}},"events":[{event}]}}"#);

        let report = dry_run(&mapper(ALL), &batch, &ARRIVAL);

        let skips = [
            "docs-event-breadcrumb.json",
            "docs-event-empty-event.json",
            "docs-event-commerce_event-skeleton.json",
        ];
        let expected = if skips.contains(&name.as_str()) {
            // The skeleton's list of impressions contains one empty object: no product was shown.
            [0, 1, 0]
        } else {
            [1, 0, 0]
        };
        assert_eq!(sums(&report), expected, "{name}");
        let bare = dry_run(&mapper(ALL), &event, &ARRIVAL);
        assert_eq!(sums(&bare), [0, 0, 1], "{name}");
    }
}

#[test]
fn partner_format_is_refused_by_name() {
    for (name, text) in read("mparticle/firehose-format", "json") {
        let parsed: Value = serde_json::from_str(&text).unwrap();
        let body = match parsed["Records"][0]["body"].as_str() {
            Some(body) => body.to_owned(),
            None => text,
        };

        let report = dry_run(&mapper(ALL), &body, &ARRIVAL);

        assert_eq!(
            report.rejected,
            BTreeMap::from([("firehose_format", 1)]),
            "{name}"
        );
    }
}

#[test]
fn recorded_answers_of_iterable_are_understood() {
    for (name, text) in read("iterable/responses", "json") {
        let recorded: Value = serde_json::from_str(&text).unwrap();
        let body = recorded["body"].to_string();

        let bulk = BulkResponse::parse(body.as_bytes()).ok();
        let error = ErrorResponse::parse(body.as_bytes());
        let failed = bulk
            .as_ref()
            .map(BulkResponse::failed_users)
            .unwrap_or_default();
        let seen = json!({
            "counts": bulk.as_ref().map(|answer| [answer.success_count, answer.fail_count]),
            "failed": failed.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(),
            "code": error.code,
            "items": error.items().iter().map(|item| item.index).collect::<Vec<_>>(),
            "fields": error.mismatched_fields().len(),
        });

        let answer = |counts: Value, failed: Value, code: &str, items: Value, fields: u32| json!({"counts": counts, "failed": failed, "code": code, "items": items, "fields": fields});
        let none = || json!([]);
        let expected = match name.as_str() {
            "bulkupdate-400-bad-json-body.json" | "track-400-bad-json-body.json" => {
                answer(Value::Null, none(), "BadJsonBody", json!([1]), 0)
            }
            "bulkupdate-ok.json" | "track-ok.json" => answer(json!([2, 0]), none(), "", none(), 0),
            "bulkupdate-partial.json" => answer(json!([1, 1]), json!(["shrouti"]), "", none(), 0),
            "track-partial-invalid-email.json" => {
                answer(json!([1, 1]), json!(["sayan"]), "", none(), 0)
            }
            "track-400-types-mismatched.json" => answer(
                Value::Null,
                none(),
                "RequestFieldsTypesMismatched",
                none(),
                1,
            ),
            "track-401-bad-api-key.json" => answer(Value::Null, none(), "BadApiKey", none(), 0),
            "track-single-ok.json" => answer(Value::Null, none(), "Success", none(), 0),
            "track-single-400-invalid-email.json" | "updateemail-400-invalid-email.json" => {
                answer(Value::Null, none(), "InvalidEmailAddressError", none(), 0)
            }
            other => panic!("{other} is new: say what it means"),
        };
        assert_eq!(seen, expected, "{name}");
    }
}
