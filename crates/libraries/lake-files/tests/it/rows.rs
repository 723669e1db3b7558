//! The rows of a file, through the parquet crate's own row reader.

use std::collections::BTreeMap;

use bytes::Bytes;
use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};
use serde_json::Value;

/// A row: the columns that are not NULL.
pub(crate) type Row = BTreeMap<String, Value>;

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
