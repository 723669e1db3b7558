//! Shows a receipt.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, process::ExitCode};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{
    output::line,
    table::{Align, lay_out, printable_lines},
};

/// The exit code when the person may remain somewhere.
pub(super) const INCOMPLETE: u8 = 3;
const SHOWN: usize = 20;

/// Prints a signed receipt and writes it to a file, if one is named. The exit code says whether it is complete.
pub(super) fn print(signed: &Value, as_json: bool, file: Option<&Path>) -> Result<ExitCode> {
    if let Some(file) = file {
        let text = serde_json::to_string_pretty(signed)?;
        std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
    }
    if as_json {
        line!("{}", serde_json::to_string_pretty(signed)?)?;
    } else {
        line!("{}", text(signed))?;
    }
    Ok(if is_complete(signed) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(INCOMPLETE)
    })
}

pub(super) fn is_complete(signed: &Value) -> bool {
    signed["receipt"]["is_complete"].as_bool() == Some(true)
}

/// Items of the person in all passes, by place; of the last pass alone, what was searched.
fn counts(receipt: &Value) -> BTreeMap<String, [u64; 4]> {
    let mut all: BTreeMap<String, [u64; 4]> = BTreeMap::new();
    for pass in receipt["passes"].as_array().into_iter().flatten() {
        for (place, count) in pass["counts"].as_object().into_iter().flatten() {
            let number = |name: &str| count[name].as_u64().unwrap_or(0);
            let sum = all.entry(place.clone()).or_default();
            sum[0] = number("searched");
            sum[1] += number("found");
            sum[2] += number("changed");
            sum[3] = number("mentioned");
        }
    }
    all
}

/// Items of the person that were found.
pub(super) fn found(signed: &Value) -> u64 {
    let counts = counts(&signed["receipt"]);
    counts.values().map(|[_, found, ..]| found).sum()
}

pub(super) fn text(signed: &Value) -> String {
    let receipt = &signed["receipt"];
    let head = ["place", "searched", "found", "changed", "mentioned"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (place, counts) in counts(receipt) {
        let mut row = vec![place];
        row.extend(counts.map(|count| count.to_string()));
        rows.push(row);
    }
    let mut text = lay_out(&rows, |column| match column {
        0 => Align::Left,
        _ => Align::Right,
    });
    let last = receipt["passes"].as_array().and_then(|all| all.last());
    let last = last.unwrap_or(&Value::Null);
    let problems = last["problems"].as_array();
    for problem in problems.into_iter().flatten().take(SHOWN) {
        let (object, why) = (&problem["object"], &problem["why"]);
        let what = printable_lines(&format!(
            "{}: {}",
            object.as_str().unwrap_or_default(),
            why.as_str().unwrap_or_default()
        ));
        let _infallible = write!(text, "\nmay have the person: {what}");
    }
    for mention in last["mentions"]["first"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .take(SHOWN)
    {
        let mention = printable_lines(mention);
        let _infallible = write!(text, "\nmentions the person in items of others: {mention}");
    }
    let id = receipt["erasure"].as_str().unwrap_or_default();
    let bucket = receipt["bucket"].as_str().unwrap_or_default();
    let outcome = match (receipt["is_dry_run"].as_bool(), is_complete(signed)) {
        (Some(true), _) => "dry run",
        (_, true) => "complete: the last pass found nothing",
        (_, false) => "NOT complete: the person may remain where it says so above",
    };
    let _infallible = write!(
        text,
        "\n{outcome}\nreceipt: s3://{bucket}/state/erasures/{id}/receipt.json\nnot reached:"
    );
    for other in receipt["not_reached"].as_array().into_iter().flatten() {
        let (what, todo) = (&other["what"], &other["todo"]);
        let _infallible = write!(
            text,
            "\n  {}: {}",
            what.as_str().unwrap_or_default(),
            todo.as_str().unwrap_or_default()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_all_passes_found_is_summed_and_incomplete_ones_say_so() {
        let pass = |found: u64| {
            json!({"counts": {"raw/track/": {"searched": 9, "found": found, "changed": found, "mentioned": 1}},
                "problems": [{"object": "raw/track/x", "why": "its gzip is damaged"}], "mentions": {"first": ["raw/track/y"]}})
        };
        let signed = json!({"receipt": {"erasure": "e1", "bucket": "b", "is_dry_run": false, "is_complete": false,
            "passes": [pass(2), pass(1)], "not_reached": [{"what": "backups", "todo": "wait"}]}});

        let text = text(&signed);

        assert_eq!(found(&signed), 3);
        for part in [
            "raw/track/",
            "NOT complete",
            "raw/track/x: its gzip is damaged",
            "raw/track/y",
            "s3://b/state/erasures/e1/receipt.json",
            "backups: wait",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
