//! Each class of damage that raw objects are known to hold, one sample each.

use std::{collections::BTreeSet, fs, path::PathBuf};

use lake_schema::Table;

use crate::lake::{Outcome, outcome};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../events/track");

fn convert_sample(name: &str) -> Outcome {
    let path = PathBuf::from(SAMPLES).join("dirty").join(name);
    outcome(&Table::product_events(), &fs::read(path).unwrap())
}

/// Rows of the README's table: the file, its rows, its rejections.
fn expectations() -> Vec<(String, usize, usize)> {
    let readme = fs::read_to_string(format!("{SAMPLES}/README.md")).unwrap();
    readme
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let name = cells.get(1)?.strip_prefix("`dirty/")?.strip_suffix('`')?;
            Some((
                name.to_owned(),
                cells[2].parse().unwrap(),
                cells[3].parse().unwrap(),
            ))
        })
        .collect()
}

#[test]
fn every_sample_gives_the_rows_and_rejections_that_its_readme_says() {
    let expectations = expectations();
    let files: BTreeSet<String> = fs::read_dir(format!("{SAMPLES}/dirty"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let described = expectations.iter().map(|(name, ..)| name.clone()).collect();
    assert_eq!(files, described, "samples and the README's table");

    for (name, rows, rejected) in expectations {
        let outcome = convert_sample(&name);

        assert_eq!(
            (outcome.rows.len(), outcome.rejected.len()),
            (rows, rejected),
            "{name}: {outcome:#?}"
        );
    }
}

#[test]
fn no_row_is_silently_empty() {
    for (name, ..) in expectations() {
        for row in convert_sample(&name).rows {
            let has_content = ["event", "userid", "_extra"]
                .iter()
                .any(|column| row.contains_key(*column));
            assert!(has_content, "{name}: {row:?}");
        }
    }
}

#[test]
fn reasons_say_what_is_wrong() {
    for (name, reasons) in [
        ("junk-line.ndjson", &["not_json"][..]),
        ("truncated-line.ndjson", &["malformed_json"]),
        ("truncated-end.ndjson", &["truncated"]),
        ("nul-line.ndjson", &["not_json"]),
        ("nul-in-string.ndjson", &["malformed_json"]),
        ("bad-utf8.ndjson", &["not_utf8"]),
        (
            "scalar.ndjson",
            &[
                "not_an_object",
                "not_an_object",
                "not_an_object",
                "not_an_object",
                "empty_object",
            ],
        ),
        ("concatenated-damage.json", &["malformed_json"]),
    ] {
        assert_eq!(convert_sample(name).reasons(), reasons, "{name}");
    }
}

#[test]
fn a_rejection_says_where_it_is_and_holds_what_it_is() {
    let outcome = convert_sample("bad-utf8.ndjson");

    let line = &outcome.rejected[0];
    assert_eq!(line["offset"], 67);
    assert_eq!(line["ordinal"], 1);
    assert_eq!(line["source_key"], crate::lake::SOURCE.key);
    assert_eq!(line["item"], serde_json::Value::Null);
    assert!(line["item_base64"].as_str().unwrap().len() > 80);
}

/// Samples that others found in the wild, when they are beside the checkout.
#[test]
fn shared_samples_add_up() {
    let shared = std::env::var("CISTERN_SHARED_DATA").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/data").to_owned()
    });
    let Ok(files) = fs::read_dir(PathBuf::from(shared).join("track")) else {
        return;
    };
    for file in files {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let outcome = outcome(&Table::product_events(), &fs::read(path).unwrap());

        let expected = match name.as_str() {
            "dirty-junk" | "dirty-nul" | "dirty-trunc" => (2, 1),
            "dirty-badutf8" => (1, 1),
            "dirty-bom" | "dirty-escape" => (1, 0),
            "dirty-concat" => (3, 0),
            _ => (2, 0),
        };
        assert_eq!(
            (outcome.rows.len(), outcome.rejected.len()),
            expected,
            "{name}"
        );
    }
}

/// A ping stands in the place of an erased item, so the items behind it keep their ordinals.
#[test]
fn pings_among_emails_are_no_rejections_and_take_a_position() {
    let body = br#"[{"msys":{}},{"msys":{"message_event":{"type":"delivery","event_id":"1","timestamp":"1770000000"}}},7]"#;

    let emails = outcome(&Table::email_events(), body);
    let others = outcome(&Table::product_events(), body);

    assert_eq!(emails.rows.len(), 1);
    assert_eq!(emails.reasons(), ["not_an_object"]);
    assert_eq!(emails.rejected[0]["ordinal"], 2);
    assert_eq!(others.rows.len(), 2);
    assert_eq!(others.reasons(), ["not_an_object"]);
}
