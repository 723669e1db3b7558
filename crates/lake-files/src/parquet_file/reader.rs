//! Reads files of the lake back, some rows at a time.

use std::fs::File;

use lake_schema::{CLAMPED, ColumnType, EXTRA, FILE, Table};
use parquet::{
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{ByteArray, DataType},
    errors::ParquetError,
    file::reader::{FileReader as _, RowGroupReader, SerializedFileReader},
};

use crate::columns::{Column, Columns, TextColumn};

/// A file that is being read.
pub(crate) struct FileReader {
    file: SerializedFileReader<File>,
    places: Places,
    next_group: usize,
    group: Option<Group>,
}

/// A file that does not fit its table.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not Parquet, or damaged.
    #[error("reading Parquet")]
    Parquet(#[from] ParquetError),
    /// Merging would lose what is in the column.
    #[error(
        "the table declares no column {column} of the file's type; declare it again, or convert the day's raw objects anew"
    )]
    UnknownColumn {
        /// The column.
        column: String,
    },
}

/// Where the table's columns are in the file. A column that was declared after the file was written is nowhere.
struct Places {
    declared: Vec<Option<usize>>,
    extra: Option<usize>,
    clamped: Option<usize>,
}

/// A row group that is being read: a reader for each column of the table.
struct Group {
    rows_left: usize,
    declared: Vec<Option<ColumnReader>>,
    extra: Option<ColumnReader>,
    clamped: Option<ColumnReader>,
}

impl FileReader {
    pub(crate) fn new(file: File, table: &Table) -> Result<Self, ReadError> {
        let file = SerializedFileReader::new(file)?;
        let places = Places::find(&file, table)?;
        Ok(Self {
            file,
            places,
            next_group: 0,
            group: None,
        })
    }

    /// Appends the next rows, at most `max_rows`, and returns how many there were: none at the end of the file.
    pub(crate) fn read(
        &mut self,
        columns: &mut Columns,
        max_rows: usize,
    ) -> Result<usize, ReadError> {
        loop {
            if let Some(group) = self.group.as_mut().filter(|group| group.rows_left > 0) {
                return Ok(group.read(columns, max_rows)?);
            }
            if self.next_group == self.file.num_row_groups() {
                return Ok(0);
            }
            let group = self.file.get_row_group(self.next_group)?;
            self.group = Some(Group::open(&*group, &self.places)?);
            self.next_group += 1;
        }
    }
}

impl Places {
    fn find(file: &SerializedFileReader<File>, table: &Table) -> Result<Self, ReadError> {
        let mut places = Self {
            declared: vec![None; table.columns().len()],
            extra: None,
            clamped: None,
        };
        let schema = file.metadata().file_metadata().schema_descr();
        for (place, column) in schema.columns().iter().enumerate() {
            let name = column.name();
            let kind = super::schema::kind_of(column);
            match (name, kind) {
                (EXTRA, Some(ColumnType::String)) => places.extra = Some(place),
                (CLAMPED, Some(ColumnType::Boolean)) => places.clamped = Some(place),
                // The merged file is another.
                (FILE, _) => {}
                _ => {
                    let declared = table
                        .columns()
                        .iter()
                        .position(|declared| declared.name == name && Some(declared.kind) == kind)
                        .ok_or_else(|| ReadError::UnknownColumn {
                            column: name.to_owned(),
                        })?;
                    places.declared[declared] = Some(place);
                }
            }
        }
        Ok(places)
    }
}

impl Group {
    fn open(group: &dyn RowGroupReader, places: &Places) -> Result<Self, ParquetError> {
        let open = |place: &Option<usize>| {
            place
                .map(|place| group.get_column_reader(place))
                .transpose()
        };
        Ok(Self {
            rows_left: usize::try_from(group.metadata().num_rows())
                .map_err(|error| ParquetError::External(error.into()))?,
            declared: places.declared.iter().map(open).collect::<Result<_, _>>()?,
            extra: open(&places.extra)?,
            clamped: open(&places.clamped)?,
        })
    }

    fn read(&mut self, columns: &mut Columns, max_rows: usize) -> Result<usize, ParquetError> {
        let rows = self.rows_left.min(max_rows);
        for (reader, column) in self.declared.iter_mut().zip(&mut columns.declared) {
            match (reader, column) {
                (Some(ColumnReader::ByteArrayColumnReader(reader)), Column::Text(values)) => {
                    read_text(reader, rows, values)?;
                }
                (
                    Some(ColumnReader::Int64ColumnReader(reader)),
                    Column::Bigint(values) | Column::Timestamp(values),
                ) => read_values(reader, rows, values)?,
                (Some(ColumnReader::DoubleColumnReader(reader)), Column::Double(values)) => {
                    read_values(reader, rows, values)?;
                }
                (Some(ColumnReader::BoolColumnReader(reader)), Column::Boolean(values)) => {
                    read_values(reader, rows, values)?;
                }
                (_, column) => (0..rows).for_each(|_| column.push_null()),
            }
        }
        match &mut self.extra {
            Some(ColumnReader::ByteArrayColumnReader(reader)) => {
                read_text(reader, rows, &mut columns.extra)?;
            }
            _ => (0..rows).for_each(|_| columns.extra.push_null()),
        }
        let mut clamped = Vec::with_capacity(rows);
        if let Some(ColumnReader::BoolColumnReader(reader)) = &mut self.clamped {
            read_values(reader, rows, &mut clamped)?;
        }
        clamped.resize(rows, None);
        columns
            .clamped
            .extend(clamped.into_iter().map(Option::unwrap_or_default));
        self.rows_left -= rows;
        Ok(rows)
    }
}

fn read_text(
    reader: &mut ColumnReaderImpl<parquet::data_type::ByteArrayType>,
    rows: usize,
    column: &mut TextColumn,
) -> Result<(), ParquetError> {
    let mut values: Vec<Option<ByteArray>> = Vec::with_capacity(rows);
    read_values(reader, rows, &mut values)?;
    for value in values {
        match value {
            Some(value) => column.push(value.as_utf8()?),
            None => column.push_null(),
        }
    }
    Ok(())
}

/// Appends the next `rows` values. Fewer would shift every row after them against its other columns.
fn read_values<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    column: &mut Vec<Option<T::T>>,
) -> Result<(), ParquetError> {
    let mut values = Vec::with_capacity(rows);
    let mut levels = Vec::with_capacity(rows);
    let (read, ..) = reader.read_records(rows, Some(&mut levels), None, &mut values)?;
    if read != rows {
        return Err(ParquetError::EOF(
            "a column ends before its row group".to_owned(),
        ));
    }
    let mut values = values.into_iter();
    column.extend(
        levels
            .iter()
            .map(|level| if *level == 0 { None } else { values.next() }),
    );
    Ok(())
}
