//! The result of each sample body, as a snapshot of the whole batch.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use event_model::sparkpost::parse_batch;

use crate::batch_view::batch_view;
use crate::samples::{NOW, read_all, read_body};

#[test]
fn every_sample_decodes_as_reviewed() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("golden");
    settings.set_omit_expression(true);

    for (name, body) in read_all("sparkpost") {
        let batch = parse_batch(&body, NOW);

        let view = batch_view(&body, &batch);
        settings.bind(|| insta::assert_json_snapshot!(name.as_str(), view));
    }
}

#[test]
fn no_snapshot_outlives_its_sample() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden");
    let snapshots: BTreeSet<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "snap"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();

    let samples: BTreeSet<_> = read_all("sparkpost")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(snapshots, samples);
}

#[test]
fn events_that_share_id_and_second_are_told_apart_by_type() {
    let body = read_body("quirk-many-types-one-event-id");

    let batch = parse_batch(&body, NOW);

    let identities: BTreeSet<_> = batch
        .events
        .iter()
        .map(|event| (event.timestamp, event.key))
        .collect();
    assert_eq!(identities.len(), 19);
}

#[test]
fn byte_equal_events_without_an_id_stay_two_and_one_with_an_id_stays_one() {
    let distinct_keys = |name| {
        let body = read_body(name);
        let batch = parse_batch(&body, NOW);
        batch
            .events
            .iter()
            .map(|event| event.key)
            .collect::<BTreeSet<_>>()
            .len()
    };

    assert_eq!(distinct_keys("quirk-no-event-id"), 3);
    assert_eq!(distinct_keys("quirk-same-event-twice"), 2);
}
