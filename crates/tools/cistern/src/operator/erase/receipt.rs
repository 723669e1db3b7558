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

/// What was counted in a place.
#[derive(Clone, Copy, Default)]
struct Count {
    /// In the last pass.
    searched: u64,
    /// Items of the person, in all passes.
    found: u64,
    changed: u64,
    /// Items of others that mention the person, in the last pass.
    mentioned: u64,
    /// Those that went, in all passes; in a dry run, those that would go.
    mentions_erased: u64,
}

fn counts(receipt: &Value) -> BTreeMap<String, Count> {
    let mut all: BTreeMap<String, Count> = BTreeMap::new();
    for pass in receipt["passes"].as_array().into_iter().flatten() {
        for (place, count) in pass["counts"].as_object().into_iter().flatten() {
            let number = |name: &str| count[name].as_u64().unwrap_or(0);
            let sum = all.entry(place.clone()).or_default();
            sum.searched = number("searched");
            sum.found += number("found");
            sum.changed += number("changed");
            sum.mentioned = number("mentioned");
            sum.mentions_erased += number("mentions_erased");
        }
    }
    all
}

/// Items of the person that were found.
pub(super) fn found(signed: &Value) -> u64 {
    let counts = counts(&signed["receipt"]);
    counts.values().map(|count| count.found).sum()
}

/// Items of others that mention the person, as the last pass found them.
pub(super) fn mentioned(signed: &Value) -> u64 {
    let counts = counts(&signed["receipt"]);
    counts.values().map(|count| count.mentioned).sum()
}

/// Items of others that went, or would go.
pub(super) fn mentions_erased(signed: &Value) -> u64 {
    let counts = counts(&signed["receipt"]);
    counts.values().map(|count| count.mentions_erased).sum()
}

pub(super) fn text(signed: &Value) -> String {
    let receipt = &signed["receipt"];
    let is_deep = receipt["deep"].as_bool() == Some(true);
    let head = ["place", "searched", "found", "changed", "mentioned"];
    let mut head = head.map(str::to_owned).to_vec();
    if is_deep {
        head.push("mentions erased".to_owned());
    }
    let mut rows = vec![head];
    for (place, count) in counts(receipt) {
        let numbers = [
            count.searched,
            count.found,
            count.changed,
            count.mentioned,
            count.mentions_erased,
        ];
        let shown = numbers.len() - usize::from(!is_deep);
        let numbers = numbers.iter().take(shown).map(u64::to_string);
        rows.push([place].into_iter().chain(numbers).collect());
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
        assert!(!text.contains("mentions erased"), "{text}");
    }

    #[test]
    fn mentions_that_went_are_summed_and_those_that_are_left_are_of_the_last_pass() {
        let pass = |mentioned: u64, erased: u64| json!({"counts": {"raw/track/": {"mentioned": mentioned, "mentions_erased": erased}}});
        let signed =
            json!({"receipt": {"deep": true, "passes": [pass(7, 5), pass(3, 1), pass(2, 0)]}});

        assert_eq!((mentioned(&signed), mentions_erased(&signed)), (2, 6));
        assert!(text(&signed).contains("mentions erased"));
    }
}
