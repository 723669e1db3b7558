//! The sample files in `events/`, and checks that need no decoding.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use event_model::sparkpost::{EventType, parse_batch};
use serde::de::IgnoredAny;
use time::OffsetDateTime;
use time::macros::datetime;

/// The time at which the samples arrive in these tests.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

/// Bodies that are not JSON, on purpose.
const NOT_JSON: [&str; 7] = [
    "quirk-byte-order-mark",
    "quirk-empty-body",
    "quirk-invalid-utf8",
    "quirk-not-json",
    "quirk-syntax-error",
    "quirk-trailing-text",
    "quirk-truncated",
];

/// The name, without its ending, and the bytes of every `.json` file in a folder of `events/`, by name.
pub(crate) fn read_all(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../events")
        .join(folder);
    let mut samples: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            assert_eq!(path.extension().unwrap(), "json", "{}", path.display());
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect();
    samples.sort();
    samples
}

/// The bytes of one sample body.
pub(crate) fn read_body(name: &str) -> Vec<u8> {
    let mut samples = read_all("sparkpost");
    let position = samples
        .iter()
        .position(|(sample, _)| sample == name)
        .expect("a sample of that name");
    samples.swap_remove(position).1
}

#[test]
fn samples_are_json_unless_they_show_the_opposite() {
    let envelopes = read_all("envelopes");
    let bodies = read_all("sparkpost");
    assert_eq!(envelopes.len(), 9);

    let not_json: Vec<_> = envelopes
        .iter()
        .chain(&bodies)
        .filter(|(_, bytes)| {
            let is_text = std::str::from_utf8(bytes).is_ok();
            !is_text || serde_json::from_slice::<IgnoredAny>(bytes).is_err()
        })
        .map(|(name, _)| name.as_str())
        .collect();

    assert_eq!(not_json, NOT_JSON);
}

#[test]
fn every_type_has_a_sample_and_every_other_sample_says_what_it_shows() {
    let names: Vec<_> = read_all("sparkpost")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let (others, types): (Vec<_>, Vec<_>) = names
        .iter()
        .map(String::as_str)
        .partition(|name| name.starts_with("quirk-") || name.starts_with("ping-"));

    assert_eq!(types, EventType::ALL.map(EventType::as_str));
    assert!(!others.is_empty());
}

/// The rows of the README's tables: a sample's name, and the text of the last column.
fn readme_rows() -> Vec<(&'static str, &'static str)> {
    include_str!("../../../../../events/README.md")
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `")?
                .strip_suffix(" |")?
                .split_once(".json` |")
        })
        .map(|(name, columns)| (name, columns.rsplit('|').next().unwrap_or_default().trim()))
        .collect()
}

#[test]
fn readme_lists_every_sample_and_nothing_else() {
    let mut listed: Vec<_> = readme_rows()
        .into_iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    let mut present: Vec<_> = ["sparkpost", "envelopes"]
        .into_iter()
        .flat_map(read_all)
        .map(|(name, _)| name)
        .collect();

    listed.sort();
    present.sort();
    assert_eq!(listed, present);
}

#[test]
fn readme_tells_what_becomes_of_every_quirk() {
    let quirks = readme_rows()
        .into_iter()
        .filter(|(name, _)| name.starts_with("quirk-") || name.starts_with("ping-"));
    for (name, told) in quirks {
        let body = read_body(name);
        let batch = parse_batch(&body, NOW);
        let distinct: HashSet<_> = batch
            .events
            .iter()
            .map(|event| (event.timestamp, event.key))
            .collect();

        let number_before = |word| {
            let (before, _) = told.split_once(word)?;
            before.rsplit(' ').next()?.parse::<usize>().ok()
        };
        let rejected = if told.contains("rejected as one") {
            Some(1)
        } else {
            number_before(" rejected")
        };
        assert_eq!(
            number_before(" stored").unwrap_or(0),
            distinct.len(),
            "{name}"
        );
        assert_eq!(
            number_before(" duplicate").unwrap_or(0),
            batch.events.len() - distinct.len(),
            "{name}"
        );
        assert_eq!(
            number_before(" with U+FFFD").unwrap_or(0),
            batch.sanitized,
            "{name}"
        );
        assert_eq!(rejected.unwrap_or(0), batch.rejected.len(), "{name}");
    }
}
