//! Converts, and reads what came out through the parquet crate's own row reader.

use std::collections::BTreeMap;

use archiver::{Converted, Source, convert};
use bytes::Bytes;
use lake_schema::Table;
use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};
use serde_json::Value;
use time::macros::{date, datetime};

pub(crate) const SOURCE: Source<'static> = Source {
    key: "raw/track/dt=2026-01-02/hour=12/track-1-2026-01-02-12-00-00-x.gz",
    arrival: datetime!(2026-01-02 12:00 UTC),
    first_day: date!(2020 - 01 - 01),
};

/// A row: the columns that are not NULL, `_file` left out, and the day it was filed under.
pub(crate) type Row = BTreeMap<String, Value>;

/// What became of some bytes.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
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
    let mut lines = Vec::new();
    let converted = convert(table, SOURCE, input, &mut lines).unwrap();
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

/// The rows of a Parquet file.
pub(crate) fn read(bytes: Bytes) -> Vec<Row> {
    let reader = SerializedFileReader::new(bytes).unwrap();
    reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| {
            row.unwrap()
                .get_column_iter()
                .filter_map(|(name, field)| Some((name.clone(), to_json(field)?)))
                .collect()
        })
        .collect()
}

fn to_json(field: &Field) -> Option<Value> {
    match field {
        Field::Null => None,
        Field::Bool(value) => Some((*value).into()),
        Field::Long(value) | Field::TimestampMillis(value) => Some((*value).into()),
        Field::Double(value) => Some((*value).into()),
        Field::Str(value) => Some(value.clone().into()),
        other => panic!("no column has {other:?}"),
    }
}
