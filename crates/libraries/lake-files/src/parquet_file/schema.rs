//! A table as a Parquet schema.

use std::{iter, sync::Arc};

use lake_schema::{CLAMPED, ColumnType, FILE, Table};
use parquet::{
    basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical},
    errors::ParquetError,
    schema::types::{ColumnDescriptor, SchemaDescriptor, Type, TypePtr},
};

use super::ReadError;
use crate::columns::column_types;

/// The columns of a table's files, in the order that Glue has them in: those of rows, with `_file` after `_clamped`.
fn columns(table: &Table) -> impl Iterator<Item = (&str, ColumnType)> {
    column_types(table).flat_map(|column| {
        let file = (column.0 == CLAMPED).then_some((FILE, ColumnType::String));
        iter::once(column).chain(file)
    })
}

/// The schema of a table's files. All columns may be NULL, as Glue has no other columns.
pub(super) fn of(table: &Table) -> Result<TypePtr, ParquetError> {
    let fields = columns(table)
        .map(|(name, kind)| column(name, kind).map(Arc::new))
        .collect::<Result<_, _>>()?;
    let schema = Type::group_type_builder(table.name())
        .with_fields(fields)
        .build()?;
    Ok(Arc::new(schema))
}

fn column(name: &str, kind: ColumnType) -> Result<Type, ParquetError> {
    let physical = match kind {
        ColumnType::String => Physical::BYTE_ARRAY,
        ColumnType::Bigint | ColumnType::Timestamp => Physical::INT64,
        ColumnType::Double => Physical::DOUBLE,
        ColumnType::Boolean => Physical::BOOLEAN,
    };
    let builder =
        Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    match kind {
        ColumnType::String => builder
            .with_logical_type(Some(LogicalType::String))
            .with_converted_type(ConvertedType::UTF8),
        // Athena's timestamp has no zone, and its values are UTC by agreement.
        ColumnType::Timestamp => {
            builder.with_logical_type(Some(LogicalType::timestamp(false, TimeUnit::MILLIS)))
        }
        ColumnType::Bigint | ColumnType::Double | ColumnType::Boolean => builder,
    }
    .build()
}

/// What a column of a file holds, or `None` when no file of the lake has such columns.
fn kind_of(column: &ColumnDescriptor) -> Option<ColumnType> {
    match (column.physical_type(), column.logical_type_ref()) {
        (Physical::BYTE_ARRAY, Some(LogicalType::String)) => Some(ColumnType::String),
        (Physical::INT64, Some(LogicalType::Timestamp(_))) => Some(ColumnType::Timestamp),
        (Physical::INT64, None) => Some(ColumnType::Bigint),
        (Physical::DOUBLE, None) => Some(ColumnType::Double),
        (Physical::BOOLEAN, None) => Some(ColumnType::Boolean),
        _ => None,
    }
}

/// For each column of the table, its index in the file. `None` if the column was declared after the file was written.
///
/// # Errors
/// When the file has a column that the table does not declare: what is in there would be lost.
pub(super) fn find_columns(
    file: &SchemaDescriptor,
    table: &Table,
) -> Result<Vec<Option<usize>>, ReadError> {
    let known: Vec<(&str, ColumnType)> = column_types(table).collect();
    let mut column_indices = vec![None; known.len()];
    for (column_index, column) in file.columns().iter().enumerate() {
        let name = column.name();
        // Wherever the rows go, that is another file.
        if name == FILE {
            continue;
        }
        let kind = kind_of(column);
        let found = known
            .iter()
            .position(|known| known.0 == name && Some(known.1) == kind)
            .ok_or_else(|| ReadError::UnknownColumn {
                column: name.to_owned(),
            })?;
        column_indices[found] = Some(column_index);
    }
    Ok(column_indices)
}
