//! Copies the row groups of finished files into another file, unchanged.
//!
//! Their bytes are copied and only their offsets change, so that neither memory nor CPU time grows with the rows. What is
//! encoded again are the two columns that hold one value in all rows of a file: `_file` and `dt`.

use std::{fs::File, io::Write, sync::Arc};

use lake_schema::{DAY, FILE, FileId, Table, layout};
use parquet::{
    basic::ZstdLevel,
    column::writer::ColumnCloseResult,
    errors::ParquetError,
    file::{
        metadata::{
            ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader,
            RowGroupMetaData,
        },
        writer::SerializedFileWriter,
    },
    schema::types::ColumnDescPtr,
};
use time::Date;

use super::{
    ReadError, catch, chunk::properties, claims, schema, text::TextEncoder, writer::ZSTD_LEVEL,
};
use crate::columns::TextColumn;

/// A row group of a compacted day has fewer than two million rows. Memory grows with the rows of one row group.
const MAX_GROUP_ROWS: usize = 16 << 20;

/// A finished file.
pub(crate) struct Finished {
    file: File,
    metadata: ParquetMetaData,
}

impl Finished {
    pub(crate) fn open(file: File) -> Result<Self, ReadError> {
        catch(|| {
            claims::check_footer(&file)?;
            // Complete, to be written again; by default the crate keeps only a summary.
            let options = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false);
            let metadata = ParquetMetaDataReader::new()
                .with_metadata_options(Some(options))
                .parse_and_finish(&file)?;
            claims::check_pages(&file, &metadata)?;
            for group in metadata.row_groups() {
                let row_count = row_count(group)?;
                if row_count > MAX_GROUP_ROWS {
                    return Err(ReadError::TooManyRows {
                        row_count,
                        limit: MAX_GROUP_ROWS,
                    });
                }
            }
            Ok(Self { file, metadata })
        })
    }

    pub(crate) fn into_file(self) -> File {
        self.file
    }

    /// Whether the file has every column of `table`. It lacks columns that were declared after it was written.
    ///
    /// # Errors
    /// When it has a column that the table does not declare, because its values would be lost.
    pub(crate) fn has_all_columns(&self, table: &Table) -> Result<bool, ReadError> {
        let schema = self.metadata.file_metadata().schema_descr();
        let column_indices = schema::find_columns(schema, table)?;
        Ok(column_indices.iter().all(Option::is_some))
    }
}

/// A file that is assembled from others.
pub(crate) struct FileSplicer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    text: TextEncoder,
    /// The value of `_file` in every row.
    id: TextColumn,
    row_count: u64,
}

impl<W: Write + Send> FileSplicer<W> {
    /// Begins the file of a monthly copy that is named `id`.
    pub(crate) fn new(out: W, months: &Table, id: FileId) -> Result<Self, ParquetError> {
        let level = ZstdLevel::try_new(ZSTD_LEVEL)?;
        let properties = Arc::new(properties(months, level));
        Ok(Self {
            file: SerializedFileWriter::new(out, schema::of(months)?, properties)?,
            text: TextEncoder::new(level)?,
            id: TextColumn::of(&id.to_string()),
            row_count: 0,
        })
    }

    /// Appends all row groups of a file that has all columns, as rows of `day`.
    pub(crate) fn append(&mut self, source: &Finished, day: Date) -> Result<(), ParquetError> {
        let day = TextColumn::of(&layout::format_day(day));
        let descriptions = self.file.schema_descr().columns().to_vec();
        for group in source.metadata.row_groups() {
            let rows = vec![0; row_count(group)?];
            let mut out = self.file.next_row_group()?;
            for description in &descriptions {
                let constant = match description.name() {
                    FILE => Some(&self.id),
                    DAY => Some(&day),
                    _ => None,
                };
                if let Some(value) = constant {
                    let chunk = self.text.encode(value, &rows, description)?;
                    out.append_column(&chunk.bytes, chunk.close)?;
                } else {
                    let close = close(find(group, description)?, description, rows.len())?;
                    out.append_column(&source.file, close)?;
                }
            }
            out.close()?;
            self.row_count += to_u64(rows.len());
        }
        Ok(())
    }

    /// Writes the footer. Returns the output, and the number of rows.
    pub(crate) fn finish(self) -> Result<(W, u64), ParquetError> {
        Ok((self.file.into_inner()?, self.row_count))
    }
}

fn find<'a>(
    group: &'a RowGroupMetaData,
    description: &ColumnDescPtr,
) -> Result<&'a ColumnChunkMetaData, ParquetError> {
    let mut columns = group.columns().iter();
    columns
        .find(|column| column.column_descr().name() == description.name())
        .ok_or_else(|| ParquetError::General(format!("no column {}", description.name())))
}

/// The metadata that the writer of the chunk returned when it finished it.
fn close(
    column: &ColumnChunkMetaData,
    description: &ColumnDescPtr,
    row_count: usize,
) -> Result<ColumnCloseResult, ParquetError> {
    let mut metadata = ColumnChunkMetaData::builder(Arc::clone(description))
        .set_compression_codec(column.compression_codec())
        .set_encodings_mask(*column.encodings_mask())
        .set_num_values(column.num_values())
        .set_total_compressed_size(column.compressed_size())
        .set_total_uncompressed_size(column.uncompressed_size())
        .set_data_page_offset(column.data_page_offset())
        .set_dictionary_page_offset(column.dictionary_page_offset())
        .set_unencoded_byte_array_data_bytes(column.unencoded_byte_array_data_bytes());
    if let Some(statistics) = column.statistics() {
        metadata = metadata.set_statistics(statistics.clone());
    }
    if let Some(pages) = column.page_encoding_stats() {
        metadata = metadata.set_page_encoding_stats(pages.clone());
    }
    if let Some(histogram) = column.definition_level_histogram() {
        metadata = metadata.set_definition_level_histogram(Some(histogram.clone()));
    }
    Ok(ColumnCloseResult {
        bytes_written: column.compressed_size().unsigned_abs(),
        rows_written: to_u64(row_count),
        metadata: metadata.build()?,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    })
}

fn row_count(group: &RowGroupMetaData) -> Result<usize, ParquetError> {
    usize::try_from(group.num_rows()).map_err(|error| ParquetError::External(error.into()))
}

fn to_u64(rows: usize) -> u64 {
    u64::try_from(rows).expect("no length has more than 64 bits")
}
