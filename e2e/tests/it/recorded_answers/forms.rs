//! The type of each member of a response, and the differences between two responses.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// The forms in which each member occurred, by its path (`geo_ip.latitude`).
#[derive(Debug, Default)]
pub(super) struct Forms(BTreeMap<String, BTreeSet<&'static str>>);

/// A member with another form than expected, or missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Difference {
    /// The compared responses.
    pub(super) search: String,
    pub(super) field: String,
    pub(super) theirs: String,
    pub(super) ours: String,
}

impl Forms {
    /// Adds the members of one event. The names inside of `rcpt_meta` are the sender's, so they count as one.
    pub(super) fn add(&mut self, event: &Value) {
        self.add_members("", event);
    }

    fn add_members(&mut self, prefix: &str, value: &Value) {
        for (name, value) in value.as_object().into_iter().flatten() {
            let name = if prefix == "rcpt_meta." { "*" } else { name };
            let path = format!("{prefix}{name}");
            self.add_members(&format!("{path}."), value);
            self.0.entry(path).or_default().insert(form(value));
        }
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, String)> {
        let fields = self.0.keys();
        fields.map(|field| (field.as_str(), self.of(field)))
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// In words, `absent` for a member that did not occur.
    pub(super) fn of(&self, field: &str) -> String {
        let forms = self.0.get(field).into_iter().flatten();
        let words: Vec<_> = forms.copied().collect();
        if words.is_empty() {
            "absent".to_owned()
        } else {
            words.join(" or ")
        }
    }
}

fn form(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(text) => form_of_text(text),
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// Times are distinguished, because clients parse them: `2026-02-03T12:00:00.000Z`.
fn form_of_text(text: &str) -> &'static str {
    let places: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .collect();
    match places.as_str() {
        "9999-99-99T99:99:99.999Z" => "time with milliseconds and Z",
        "9999-99-99T99:99:99.999+99:99" => "time with milliseconds and offset",
        _ => "text",
    }
}

/// The rows of the first table below a heading of docs/known-differences.md.
pub(super) fn documented_differences(document: &str) -> Result<BTreeSet<Difference>> {
    let (_, section) = document
        .split_once("\n## Forms of fields\n")
        .context("the section is missing")?;
    let rows = section
        .lines()
        .skip_while(|line| !line.starts_with("|--"))
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row
            .split('|')
            .skip(1)
            .map(|cell| cell.trim().replace('`', ""));
        let mut cell = || {
            cells
                .next()
                .with_context(|| format!("a cell is missing in {row}"))
        };
        Ok(Difference {
            search: cell()?,
            field: cell()?,
            theirs: cell()?,
            ours: cell()?,
        })
    })
    .collect()
}
