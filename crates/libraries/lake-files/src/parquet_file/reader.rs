//! Reads files of the lake back, column by column.

use std::{
    fmt, io,
    panic::{self, AssertUnwindSafe},
};

use lake_schema::Table;
use parquet::{
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::DataType,
    errors::ParquetError,
    file::{
        metadata::ColumnChunkMetaData,
        reader::{FileReader as _, RowGroupReader, SerializedFileReader},
        statistics::Statistics,
    },
};

use super::{claims, pages, schema, slice::FileSlice};
use crate::columns::{Column, column_types};

/// A file that is being read.
pub(crate) struct FileReader {
    file: SerializedFileReader<FileSlice>,
    /// For each column of the table, its index in the file. `None` if the column was declared after the file was written.
    column_indices: Vec<Option<usize>>,
}

/// A file that does not fit its table.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not Parquet, or a piece of it.
    #[error("the file {what}")]
    NotParquet {
        /// What is wrong with it.
        what: &'static str,
    },
    /// Damaged, or written in a form that no file of the lake has.
    #[error("reading Parquet")]
    Parquet(#[from] ParquetError),
    /// The file cannot be merged in the memory that there is.
    #[error("the file has {row_count} rows, of which {limit} can be merged with this memory")]
    TooManyRows {
        /// Its rows.
        row_count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A page that would be held in memory as a whole.
    #[error("a page of column {column} takes {size_bytes} bytes, more than {limit}")]
    PageTooLarge {
        /// The column.
        column: String,
        /// What the page states.
        size_bytes: i64,
        /// How many there may be.
        limit: i64,
    },
    /// Reading it ended in a panic.
    #[error("the file cannot be read: {message}")]
    Panic {
        /// What the panic says.
        message: String,
    },
    /// Merging would lose what is in the column.
    #[error(
        "the table declares no column {column} of the file's type; declare it again, or convert the raw objects of the day again"
    )]
    UnknownColumn {
        /// The column.
        column: String,
    },
}

impl ReadError {
    /// A short fixed code to count and search by.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotParquet { .. } => "not_parquet",
            Self::Parquet(_) | Self::Panic { .. } => "damaged_file",
            Self::TooManyRows { .. } | Self::PageTooLarge { .. } => "file_too_large",
            Self::UnknownColumn { .. } => "other_schema",
        }
    }

    /// Whether the disk failed rather than the file, so that another attempt may read it.
    pub fn is_disk_failure(&self) -> bool {
        let Self::Parquet(ParquetError::External(source)) = self else {
            return false;
        };
        source
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.raw_os_error().is_some())
    }
}

/// Reads a file, whose bytes may be anything: a panic of the parquet crate is an error of this file.
pub(crate) fn catch<T>(read: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    // What is unwound over is dropped, or only read.
    panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(ReadError::Panic {
            message: message.unwrap_or_else(|| "a panic without a message".to_owned()),
        })
    })
}

impl fmt::Debug for FileReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.row_count();
        f.debug_struct("FileReader")
            .field("row_count", &rows)
            .finish_non_exhaustive()
    }
}

impl FileReader {
    pub(crate) fn new(file: &FileSlice, table: &Table) -> Result<Self, ReadError> {
        catch(|| {
            claims::check_footer(file)?;
            let reader = SerializedFileReader::new(file.clone())?;
            let metadata = reader.metadata();
            let column_indices =
                schema::find_columns(metadata.file_metadata().schema_descr(), table)?;
            claims::check_pages(file, metadata)?;
            Ok(Self {
                file: reader,
                column_indices,
            })
        })
    }

    /// Reads everything, and so finds out whether it can be read.
    pub(crate) fn check(&self, table: &Table) -> Result<(), ReadError> {
        catch(|| {
            for (column_index, (_, kind)) in column_types(table).enumerate() {
                let mut column = Column::new(kind);
                for group in 0..self.group_count() {
                    column.clear();
                    self.read_group(group, column_index, &mut column, 0, |_, _| true)?;
                }
            }
            Ok(())
        })
    }

    pub(crate) fn row_count(&self) -> usize {
        (0..self.group_count())
            .map(|group| self.group_rows(group))
            .sum()
    }

    pub(crate) fn group_count(&self) -> usize {
        self.file.num_row_groups()
    }

    pub(crate) fn group_rows(&self, group: usize) -> usize {
        usize::try_from(self.file.metadata().row_group(group).num_rows()).unwrap_or(0)
    }

    /// How much a column takes in memory at most, without what each row takes.
    pub(crate) fn size_bytes(&self, column_index: usize) -> usize {
        let Some(index) = self.column_indices[column_index] else {
            return 0;
        };
        let groups = self.file.metadata().row_groups().iter();
        groups
            .map(|group| group.column(index).uncompressed_size())
            .map(|size| usize::try_from(size).unwrap_or(0))
            .sum()
    }

    /// Reads a row group's values of one column, of which there are to be `first` before. When all of them are NULL, the column
    /// stays as it is: it is NULL from its end on. Strings that `is_wanted`, by their row's index in the group, rejects are read
    /// as NULL.
    pub(crate) fn read_group(
        &self,
        group: usize,
        column_index: usize,
        column: &mut Column,
        first: usize,
        is_wanted: impl Fn(usize, &[u8]) -> bool,
    ) -> Result<(), ReadError> {
        let rows = self.group_rows(group);
        let group = self.file.get_row_group(group)?;
        if let Some(index) = self.column_indices[column_index]
            && !is_null(group.metadata().column(index), rows)
        {
            column.pad(first);
            read_chunk(&*group, index, rows, column, is_wanted)?;
        }
        Ok(())
    }
}

/// Whether a chunk is known to have no value in its rows.
fn is_null(chunk: &ColumnChunkMetaData, rows: usize) -> bool {
    let null_count = chunk.statistics().and_then(Statistics::null_count_opt);
    null_count.is_some_and(|nulls| usize::try_from(nulls) == Ok(rows))
}

fn read_chunk(
    group: &dyn RowGroupReader,
    index: usize,
    rows: usize,
    column: &mut Column,
    is_wanted: impl Fn(usize, &[u8]) -> bool,
) -> Result<(), ParquetError> {
    let read = match column {
        Column::Text(values) => {
            pages::read_text(group.get_column_page_reader(index)?, values, is_wanted)?
        }
        column => match (group.get_column_reader(index)?, column) {
            (
                ColumnReader::Int64ColumnReader(reader),
                Column::Bigint(values) | Column::Timestamp(values),
            ) => read_values(reader, rows, values)?,
            (ColumnReader::DoubleColumnReader(reader), Column::Double(values)) => {
                read_values(reader, rows, values)?
            }
            (ColumnReader::BoolColumnReader(reader), Column::Boolean(values)) => {
                read_values(reader, rows, values)?
            }
            _ => unreachable!("a file's columns were checked against the table's types"),
        },
    };
    // Fewer would shift every row after them against its other columns.
    if read == rows {
        Ok(())
    } else {
        Err(ParquetError::EOF(
            "a column does not end where its row group does".to_owned(),
        ))
    }
}

/// Appends the next `rows` values, and returns how many there were.
fn read_values<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    column: &mut Vec<Option<T::T>>,
) -> Result<usize, ParquetError> {
    let mut values = Vec::with_capacity(rows);
    let mut levels = Vec::with_capacity(rows);
    let (read, ..) = reader.read_records(rows, Some(&mut levels), None, &mut values)?;
    let mut values = values.into_iter();
    column.extend(
        levels
            .iter()
            .map(|level| if *level == 0 { None } else { values.next() }),
    );
    Ok(read)
}
