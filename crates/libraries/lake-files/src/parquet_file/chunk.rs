//! Columns of rows as Parquet column chunks.

use std::sync::Arc;

use lake_schema::{ColumnType, Table};
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    column::writer::ColumnWriterImpl,
    data_type::{BoolType, DataType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::{SerializedPageWriter, TrackedWrite},
    },
    schema::types::{ColumnDescPtr, ColumnPath},
};

use super::{encoded::EncodedChunk, text::TextEncoder};
use crate::columns::Column;

/// Encodes the columns of one file.
pub(crate) struct ChunkEncoder {
    descriptions: Vec<ColumnDescPtr>,
    properties: Arc<WriterProperties>,
    text: TextEncoder,
}

impl ChunkEncoder {
    /// For columns that are described by `descriptions`, in the order of their indices.
    pub(super) fn new(
        descriptions: &[ColumnDescPtr],
        properties: Arc<WriterProperties>,
        level: ZstdLevel,
    ) -> Result<Self, ParquetError> {
        Ok(Self {
            descriptions: descriptions.to_vec(),
            properties,
            text: TextEncoder::new(level)?,
        })
    }

    /// The chunk of `rows` of `column`, in that order. Rows beyond the column's end are NULL.
    pub(crate) fn encode(
        &mut self,
        column_index: usize,
        column: &Column,
        rows: &[u32],
    ) -> Result<EncodedChunk, ParquetError> {
        let description = &self.descriptions[column_index];
        match column {
            Column::Text(values) => self.text.encode(values, rows, description),
            Column::Bigint(values) | Column::Timestamp(values) => {
                self.encode_plain::<Int64Type>(description, values, rows)
            }
            Column::Double(values) => self.encode_plain::<DoubleType>(description, values, rows),
            Column::Boolean(values) => self.encode_plain::<BoolType>(description, values, rows),
        }
    }

    /// By the parquet crate's own writer.
    fn encode_plain<T: DataType>(
        &self,
        description: &ColumnDescPtr,
        column: &[Option<T::T>],
        rows: &[u32],
    ) -> Result<EncodedChunk, ParquetError> {
        let mut levels = Vec::with_capacity(rows.len());
        let mut values = Vec::with_capacity(rows.len());
        for row in rows {
            let value = column.get(*row as usize).and_then(Option::as_ref);
            levels.push(i16::from(value.is_some()));
            values.extend(value.cloned());
        }
        let mut sink = TrackedWrite::new(Vec::new());
        let pages = Box::new(SerializedPageWriter::new(&mut sink));
        let properties = Arc::clone(&self.properties);
        let mut writer = ColumnWriterImpl::<T>::new(Arc::clone(description), properties, pages);
        writer.write_batch(&values, Some(&levels), None)?;
        let close = writer.close()?;
        Ok(EncodedChunk {
            bytes: sink.into_inner()?.into(),
            close,
        })
    }
}

/// The program that wrote a file, in the form that parquet-java parses
/// (<https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>, `created_by`): readers use it to work
/// around faults of writers, and parquet-java ignores statistics of strings by a writer that it cannot identify.
const CREATED_BY: &str = concat!("cistern version ", env!("CARGO_PKG_VERSION"), " (build ");
/// The commit that was built, if the build sets it.
const BUILD: &str = match option_env!("CISTERN_BUILD") {
    Some(build) => build,
    None => "unknown",
};

/// The writer properties of all files of a table.
pub(super) fn properties(table: &Table, level: ZstdLevel) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("{CREATED_BY}{BUILD})"))
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_data_page_row_count_limit(usize::MAX)
        .set_write_batch_size(8 << 10);
    let timestamps = table
        .columns()
        .iter()
        .filter(|column| column.kind == ColumnType::Timestamp);
    for column in timestamps {
        let path = ColumnPath::from(column.name.as_str());
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    builder.build()
}
