//! Writes one file of the lake.

use std::{io::Write, sync::Arc};

use lake_schema::{ColumnType, FileId, Table};
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    data_type::{BoolType, DataType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::{ColumnDescPtr, ColumnPath},
};

use super::{schema, text::TextEncoder};
use crate::columns::{Column, Columns, TextColumn};

/// A file that is being written, row group by row group.
pub(crate) struct FileWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    descriptions: Vec<ColumnDescPtr>,
    text: TextEncoder,
    /// What `_file` holds in every row.
    id: TextColumn,
    row_count: u64,
}

impl<W: Write + Send> FileWriter<W> {
    /// Begins a file that is compressed by `zstd_level`, from 1 for speed to 22 for size.
    pub(crate) fn new(
        out: W,
        table: &Table,
        id: FileId,
        zstd_level: i32,
    ) -> Result<Self, ParquetError> {
        let level = ZstdLevel::try_new(zstd_level)?;
        let properties = Arc::new(properties(table, level));
        let file = SerializedFileWriter::new(out, schema::of(table)?, properties)?;
        let mut id_column = TextColumn::default();
        id_column.push(&id.to_string());
        Ok(Self {
            descriptions: file.schema_descr().columns().to_vec(),
            file,
            text: TextEncoder::new(level)?,
            id: id_column,
            row_count: 0,
        })
    }

    /// Appends `rows` of `columns`, in that order, as one row group.
    pub(crate) fn write_group(
        &mut self,
        columns: &Columns,
        rows: &[u32],
    ) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        let mut descriptions = self.descriptions.iter();
        let mut append_text =
            |group: &mut Group<'_, W>, values: &TextColumn, rows: &[u32], description| {
                let (bytes, close) = self.text.encode(values, rows, description)?;
                group.append_column(&bytes, close)
            };
        for (column, description) in columns.declared.iter().zip(&mut descriptions) {
            match column {
                Column::Text(values) => append_text(&mut group, values, rows, description)?,
                Column::Bigint(values) | Column::Timestamp(values) => {
                    append::<Int64Type, _>(&mut group, pick(values, rows))?;
                }
                Column::Double(values) => append::<DoubleType, _>(&mut group, pick(values, rows))?,
                Column::Boolean(values) => append::<BoolType, _>(&mut group, pick(values, rows))?,
            }
        }
        let [extra, _, id] = descriptions.as_slice() else {
            unreachable!("every table ends in the same three columns");
        };
        append_text(&mut group, &columns.extra, rows, extra)?;
        append::<BoolType, _>(&mut group, pick(&columns.clamped, rows).map(Some))?;
        append_text(&mut group, &self.id, &vec![0; rows.len()], id)?;
        let written = group.close()?;
        self.row_count += written.num_rows().unsigned_abs();
        Ok(())
    }

    /// Writes the footer. Returns what the file was written to, and how many rows it has.
    pub(crate) fn finish(self) -> Result<(W, u64), ParquetError> {
        Ok((self.file.into_inner()?, self.row_count))
    }
}

type Group<'a, W> = SerializedRowGroupWriter<'a, W>;

fn pick<'a, T: Copy>(values: &'a [T], rows: &'a [u32]) -> impl Iterator<Item = T> + use<'a, T> {
    rows.iter().map(|row| values[*row as usize])
}

/// Appends a column of numbers by the crate's own writer.
fn append<T: DataType, W: Write + Send>(
    group: &mut Group<'_, W>,
    rows: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let mut levels = Vec::with_capacity(rows.size_hint().0);
    let mut values = Vec::with_capacity(rows.size_hint().0);
    for value in rows {
        levels.push(i16::from(value.is_some()));
        values.extend(value);
    }
    let mut column = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("a column too many".to_owned()))?;
    column
        .typed::<T>()
        .write_batch(&values, Some(&levels), None)?;
    column.close()
}

fn properties(table: &Table, level: ZstdLevel) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_created_by("cistern".to_owned())
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
