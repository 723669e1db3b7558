//! Writes one file of the lake.

use std::{io::Write, sync::Arc};

use lake_schema::{FileId, Table};
use parquet::{
    basic::ZstdLevel,
    errors::ParquetError,
    file::{reader::ChunkReader, writer::SerializedFileWriter},
};

use super::{
    chunk::{ChunkEncoder, properties},
    encoded::EncodedChunk,
    schema,
};
use crate::columns::{Column, Columns, TextColumn};

/// The fastest. What is left after dictionaries and sorting is mostly ids, of which higher levels make more, not less: 39 bytes
/// of a click instead of 37 by level 3, at twice the time.
pub(super) const ZSTD_LEVEL: i32 = 1;

/// A file that is being written, row group by row group.
pub(crate) struct FileWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    encoder: ChunkEncoder,
    /// What `_file` holds in every row.
    id: Column,
    /// The index of `_file`, after the columns of rows.
    id_index: usize,
    row_count: u64,
}

impl<W: Write + Send> FileWriter<W> {
    /// Begins a file.
    pub(crate) fn new(out: W, table: &Table, id: FileId) -> Result<Self, ParquetError> {
        let level = ZstdLevel::try_new(ZSTD_LEVEL)?;
        let properties = Arc::new(properties(table, level));
        let file = SerializedFileWriter::new(out, schema::of(table)?, Arc::clone(&properties))?;
        let descriptions = file.schema_descr().columns();
        Ok(Self {
            encoder: ChunkEncoder::new(descriptions, properties, level)?,
            id: Column::Text(TextColumn::of(&id.to_string())),
            id_index: descriptions.len() - 1,
            file,
            row_count: 0,
        })
    }

    /// What makes the chunks for [`FileWriter::append_group`].
    pub(crate) fn encoder(&mut self) -> &mut ChunkEncoder {
        &mut self.encoder
    }

    /// Appends `rows` of `columns`, in that order, as one row group.
    pub(crate) fn write_group(
        &mut self,
        columns: &Columns,
        rows: &[u32],
    ) -> Result<(), ParquetError> {
        let chunks = columns
            .all()
            .iter()
            .enumerate()
            .map(|(column_index, column)| self.encoder.encode(column_index, column, rows))
            .collect::<Result<Vec<_>, _>>()?;
        self.append_group(rows.len(), chunks)
    }

    /// Appends a row group of chunks of `rows` rows, one for each column of rows.
    pub(crate) fn append_group<B: ChunkReader>(
        &mut self,
        rows: usize,
        chunks: Vec<EncodedChunk<B>>,
    ) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for EncodedChunk { bytes, close } in chunks {
            group.append_column(&bytes, close)?;
        }
        let id = self
            .encoder
            .encode(self.id_index, &self.id, &vec![0; rows])?;
        group.append_column(&id.bytes, id.close)?;
        let written = group.close()?;
        self.row_count += written.num_rows().unsigned_abs();
        Ok(())
    }

    /// Writes the footer. Returns what the file was written to, and how many rows it has.
    pub(crate) fn finish(self) -> Result<(W, u64), ParquetError> {
        Ok((self.file.into_inner()?, self.row_count))
    }
}
