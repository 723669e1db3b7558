//! The rows of a statement in the form that was asked for.

use std::collections::BTreeSet;

use event_query::{Format, FreeForm, TableCell};
use event_store::{FreeAnswer, FreeColumn};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::page_body::{Encoding, FinishedBody, PageBody};

/// What a value is in JSON. All values come as texts of Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Numbers, booleans and JSON itself, as far as they are JSON: `NaN` is none.
    Json,
    Text,
}

impl Kind {
    fn of(type_name: &str) -> Self {
        match type_name {
            "bool" | "int2" | "int4" | "int8" | "float4" | "float8" | "numeric" | "oid"
            | "json" | "jsonb" => Self::Json,
            _ => Self::Text,
        }
    }
}

/// A row that is too long for an answer of its own.
#[derive(Debug, Error)]
#[error(
    "a row is longer than an answer may be; select fewer columns, or the beginning of long values, such as left(value, 1000)"
)]
pub(crate) struct RowTooLong;

/// The body, and whether it leaves out any row.
///
/// # Errors
/// [`RowTooLong`] when a response has no room for the first row: an answer without rows would say that there are none.
pub(super) fn write_rows(
    answer: &FreeAnswer,
    form: &FreeForm,
    format: Format,
    encoding: Encoding,
) -> Result<(FinishedBody, bool), RowTooLong> {
    let names = distinct(&answer.columns);
    let kinds: Vec<Kind> = answer
        .columns
        .iter()
        .map(|column| Kind::of(&column.type_name))
        .collect();
    let opening = match format {
        Format::Json => format!(
            r#"{{"columns":{},"results":["#,
            serde_json::to_string(&columns(&names, &answer.columns)).expect("texts are JSON")
        ),
        Format::Ndjson => String::new(),
        Format::Csv => form.header(names.iter().map(String::as_str)),
    };
    let mut body = PageBody::begin(format, &opening, encoding);
    let mut is_truncated = answer.is_truncated;
    for row in &answer.rows {
        let written = match format {
            Format::Json | Format::Ndjson => {
                let row = Row {
                    names: &names,
                    kinds: &kinds,
                    cells: row,
                };
                let mut written = serde_json::to_vec(&row).expect("texts are JSON");
                if format == Format::Ndjson {
                    written.push(b'\n');
                }
                written
            }
            Format::Csv => {
                let cells = row
                    .iter()
                    .zip(&kinds)
                    .map(|(cell, kind)| match (cell, kind) {
                        (None, _) => TableCell::Empty,
                        (Some(text), Kind::Json) => TableCell::Plain(text),
                        (Some(text), Kind::Text) => TableCell::Text(text),
                    });
                form.line(cells).into_bytes()
            }
        };
        if !body.push(&written) {
            if body.is_empty() {
                return Err(RowTooLong);
            }
            is_truncated = true;
            break;
        }
    }
    let footer = match format {
        Format::Json => format!(
            r#"],"truncated":{is_truncated},"cut_values":{}}}"#,
            answer.cut_values
        ),
        Format::Ndjson | Format::Csv => String::new(),
    };
    Ok((body.finish(&footer), is_truncated))
}

#[derive(Serialize)]
struct ColumnOfAnswer<'a> {
    name: &'a str,
    r#type: &'a str,
}

fn columns<'a>(names: &'a [String], columns: &'a [FreeColumn]) -> Vec<ColumnOfAnswer<'a>> {
    let pairs = names.iter().zip(columns);
    pairs
        .map(|(name, column)| ColumnOfAnswer {
            name,
            r#type: &column.type_name,
        })
        .collect()
}

/// Names of an object's members must differ; those of columns need not.
fn distinct(columns: &[FreeColumn]) -> Vec<String> {
    let mut taken: BTreeSet<String> = columns.iter().map(|column| column.name.clone()).collect();
    let mut seen = BTreeSet::new();
    let mut names = Vec::with_capacity(columns.len());
    for column in columns {
        let mut name = column.name.clone();
        let mut number = 2;
        while !seen.insert(name.clone()) {
            name = format!("{}_{number}", column.name);
            // One that another column has by itself is left to it.
            while taken.contains(&name) && !seen.contains(&name) {
                number += 1;
                name = format!("{}_{number}", column.name);
            }
            number += 1;
        }
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

/// A row as an object.
struct Row<'a> {
    names: &'a [String],
    kinds: &'a [Kind],
    cells: &'a [Option<String>],
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(self.names.len()))?;
        for ((name, kind), cell) in self.names.iter().zip(self.kinds).zip(self.cells) {
            let json = match (kind, cell) {
                (Kind::Json, Some(text)) => json_on_one_line(text),
                (Kind::Json | Kind::Text, _) => None,
            };
            match json {
                Some(json) => members.serialize_entry(name, &json)?,
                None => members.serialize_entry(name, cell)?,
            }
        }
        members.end()
    }
}

/// A text that is JSON, with its line ends as spaces: Postgres keeps those that were sent, and writes some itself. Between the quotes
/// of JSON there is none.
fn json_on_one_line(text: &str) -> Option<Box<RawValue>> {
    let json: Box<RawValue> = serde_json::from_str(text).ok()?;
    if !json.get().contains(['\r', '\n']) {
        return Some(json);
    }
    RawValue::from_string(json.get().replace(['\r', '\n'], " ")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, type_name: &str) -> FreeColumn {
        FreeColumn {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
        }
    }

    #[test]
    fn names_that_repeat_are_numbered() {
        for (names, expected) in [
            (vec!["a", "a", "a"], vec!["a", "a_2", "a_3"]),
            (vec!["a", "a", "a_2"], vec!["a", "a_3", "a_2"]),
            (vec!["?column?", "b"], vec!["?column?", "b"]),
        ] {
            let columns: Vec<_> = names.iter().map(|name| column(name, "text")).collect();
            assert_eq!(distinct(&columns), expected, "{names:?}");
        }
    }

    #[test]
    fn rows_end_where_the_response_does_and_a_first_one_without_room_is_an_error() {
        let answer = |lengths: &[usize]| FreeAnswer {
            columns: vec![column("t", "text")],
            rows: lengths
                .iter()
                .map(|length| vec![Some("\"".repeat(*length))])
                .collect(),
            is_truncated: false,
            cut_values: 0,
        };
        let form = FreeForm::parse("").unwrap();
        for (format, encoding, lengths, expected) in [
            (
                Format::Json,
                Encoding::Plain,
                &[1_000_000, 1_000_000][..],
                Some(true),
            ),
            (Format::Json, Encoding::Plain, &[1_000_000], Some(false)),
            (Format::Json, Encoding::Plain, &[2_000_000], None),
            (Format::Ndjson, Encoding::Plain, &[2_000_000], None),
            (Format::Csv, Encoding::Plain, &[2_000_000], None),
            (
                Format::Json,
                Encoding::Gzip,
                &[2_000_000, 4_000_000],
                Some(true),
            ),
            (Format::Json, Encoding::Gzip, &[4_000_000], Some(false)),
        ] {
            let written = write_rows(&answer(lengths), &form, format, encoding);

            let is_truncated = written.ok().map(|(_, is_truncated)| is_truncated);
            assert_eq!(
                is_truncated, expected,
                "{format:?} {encoding:?} {lengths:?}"
            );
        }
    }

    #[test]
    fn values_are_json_where_they_can_be() {
        let names: Vec<String> = ["n", "f", "j", "t"].map(str::to_owned).to_vec();
        let kinds = ["int8", "float8", "jsonb", "text"].map(Kind::of);
        let row = ["9223372036854775807", "NaN", r#"{"a": [1.50]}"#, "7"]
            .map(|text| Some(text.to_owned()));
        let row = Row {
            names: &names,
            kinds: &kinds,
            cells: &row,
        };

        assert_eq!(
            serde_json::to_string(&row).unwrap(),
            r#"{"n":9223372036854775807,"f":"NaN","j":{"a": [1.50]},"t":"7"}"#
        );
    }
}
