//! Writes one file of the lake.

use std::{io::Write, sync::Arc};

use lake_schema::{FILE, FileId, Table};
use parquet::{
    basic::ZstdLevel,
    errors::ParquetError,
    file::{
        reader::ChunkReader,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
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
    /// Of the columns of rows, and after them `_file`.
    encoder: ChunkEncoder,
    /// What `_file` holds in every row.
    id: Column,
    /// The number of columns of rows, and so the encoder's index of `_file`.
    column_count: usize,
    /// The index of `_file` in the file.
    id_index: usize,
    row_count: u64,
}

impl<W: Write + Send> FileWriter<W> {
    /// Begins a file.
    pub(crate) fn new(out: W, table: &Table, id: FileId) -> Result<Self, ParquetError> {
        let level = ZstdLevel::try_new(ZSTD_LEVEL)?;
        let properties = Arc::new(properties(table, level));
        let file = SerializedFileWriter::new(out, schema::of(table)?, Arc::clone(&properties))?;
        let mut descriptions = file.schema_descr().columns().to_vec();
        let id_index = descriptions
            .iter()
            .position(|column| column.name() == FILE)
            .expect("every schema has _file");
        descriptions[id_index..].rotate_left(1);
        Ok(Self {
            encoder: ChunkEncoder::new(&descriptions, properties, level)?,
            id: Column::Text(TextColumn::of(&id.to_string())),
            column_count: descriptions.len() - 1,
            id_index,
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
        mut chunks: Vec<EncodedChunk<B>>,
    ) -> Result<(), ParquetError> {
        let id = self
            .encoder
            .encode(self.column_count, &self.id, &vec![0; rows])?;
        let after_id = chunks.split_off(self.id_index);
        let mut group = self.file.next_row_group()?;
        append(&mut group, chunks)?;
        append(&mut group, [id])?;
        append(&mut group, after_id)?;
        let written = group.close()?;
        self.row_count += written.num_rows().unsigned_abs();
        Ok(())
    }

    /// Writes the footer. Returns what the file was written to, and how many rows it has.
    pub(crate) fn finish(self) -> Result<(W, u64), ParquetError> {
        Ok((self.file.into_inner()?, self.row_count))
    }
}

fn append<W: Write + Send, B: ChunkReader>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    chunks: impl IntoIterator<Item = EncodedChunk<B>>,
) -> Result<(), ParquetError> {
    for EncodedChunk { bytes, close } in chunks {
        group.append_column(&bytes, close)?;
    }
    Ok(())
}
