//! A table as a Parquet schema.

use std::sync::Arc;

use lake_schema::{CLAMPED, ColumnType, EXTRA, FILE, Table};
use parquet::{
    basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical},
    errors::ParquetError,
    schema::types::{ColumnDescriptor, Type, TypePtr},
};

/// The declared columns, then `_extra`, `_clamped` and `_file`. All may be NULL, as Glue has no other columns.
pub(super) fn of(table: &Table) -> Result<TypePtr, ParquetError> {
    let declared = table
        .columns()
        .iter()
        .map(|column| (column.name.as_str(), column.kind));
    let own = [
        (EXTRA, ColumnType::String),
        (CLAMPED, ColumnType::Boolean),
        (FILE, ColumnType::String),
    ];
    let fields = declared
        .chain(own)
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
pub(super) fn kind_of(column: &ColumnDescriptor) -> Option<ColumnType> {
    match (column.physical_type(), column.logical_type_ref()) {
        (Physical::BYTE_ARRAY, Some(LogicalType::String)) => Some(ColumnType::String),
        (Physical::INT64, Some(LogicalType::Timestamp(_))) => Some(ColumnType::Timestamp),
        (Physical::INT64, None) => Some(ColumnType::Bigint),
        (Physical::DOUBLE, None) => Some(ColumnType::Double),
        (Physical::BOOLEAN, None) => Some(ColumnType::Boolean),
        _ => None,
    }
}
