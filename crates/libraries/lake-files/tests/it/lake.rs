//! Converts, and reads what came out.

use bytes::Bytes;
use lake_files::{Converted, Source, convert};
use lake_schema::Table;
use serde_json::Value;
use time::macros::{date, datetime};

use crate::rows::{Row, read};

pub(crate) const SOURCE: Source<'static> = Source {
    key: "raw/track/dt=2026-01-02/hour=12/track-1-2026-01-02-12-00-00-x.gz",
    arrival: datetime!(2026-01-02 12:00 UTC),
    first_day: date!(2020 - 01 - 01),
    delivery: None,
};

/// What became of some bytes.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Without `_file`, and with the day they were filed under.
    pub(crate) rows: Vec<Row>,
    /// The lines written about what was rejected.
    pub(crate) rejected: Vec<Value>,
}

impl Outcome {
    /// The reasons of the rejections, in order.
    pub(crate) fn reasons(&self) -> Vec<&str> {
        self.rejected
            .iter()
            .map(|line| line["reason"].as_str().unwrap())
            .collect()
    }
}

/// Converts `input` for `table`.
pub(crate) fn outcome(table: &Table, input: &[u8]) -> Outcome {
    outcome_of(table, SOURCE, input)
}

/// Converts `input`, which comes from `source`.
pub(crate) fn outcome_of(table: &Table, source: Source<'_>, input: &[u8]) -> Outcome {
    let mut lines = Vec::new();
    let converted = convert(table, source, input, &mut lines).unwrap();
    let outcome = Outcome {
        rows: rows(&converted),
        rejected: lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect(),
    };
    assert_eq!(outcome.rows.len() as u64, converted.row_count);
    assert_eq!(outcome.rejected.len() as u64, converted.rejected_count);
    outcome
}

/// All rows of all parts, in the order of the parts.
pub(crate) fn rows(converted: &Converted) -> Vec<Row> {
    converted
        .parts
        .iter()
        .flat_map(|part| {
            let rows = read(Bytes::from(part.bytes.clone()));
            assert_eq!(rows.len() as u64, part.row_count);
            rows.into_iter().map(|mut row| {
                assert_eq!(
                    row.remove("_file"),
                    Some(part.file.id.to_string().into()),
                    "every row names its file"
                );
                row.insert("dt".to_owned(), part.file.day.to_string().into());
                row
            })
        })
        .collect()
}
