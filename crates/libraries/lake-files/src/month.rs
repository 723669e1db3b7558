//! Copies the compacted days of a month into one file, in their order and without sorting again.
//!
//! Row groups are copied unchanged, so memory does not grow with the month, and a month takes about as long as reading and writing its
//! bytes. Every row group belongs to one day, and its statistics say which, so a query for one day reads no other.

use std::{
    fmt,
    fs::File,
    io::{self, Seek as _, Write},
    path::PathBuf,
};

use lake_schema::{FileId, Table};
use parquet::errors::ParquetError;
use time::Date;

use crate::{
    Merge, MergeError,
    parquet_file::{FileSplicer, Finished, ReadError},
};

/// The file of a month, day by day.
pub struct MonthFile<W: Write + Send> {
    /// What the days are files of.
    table: Table,
    /// Where a day is written again that cannot be copied, and how much of a column is held then.
    directory: PathBuf,
    column_bytes: usize,
    file: FileSplicer<W>,
}

impl<W: Write + Send> fmt::Debug for MonthFile<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonthFile")
            .field("table", &self.table.name())
            .finish_non_exhaustive()
    }
}

/// Days that could not be made one file.
#[derive(Debug, thiserror::Error)]
pub enum MonthError {
    /// A day's file does not fit the table or cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The month's file could not be written.
    #[error("writing Parquet")]
    Write(#[from] ParquetError),
    /// A day could not be written again.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The disk failed.
    #[error("keeping rows on disk")]
    Disk(#[from] io::Error),
}

impl MonthError {
    /// What is wrong with a day's file, if that is why; `None` when another attempt may succeed.
    pub fn broken_file(&self) -> Option<&ReadError> {
        match self {
            Self::Read(error) if !error.is_disk_failure() => Some(error),
            Self::Merge(error) => error.broken_file(),
            Self::Read(_) | Self::Write(_) | Self::Disk(_) => None,
        }
    }
}

impl<W: Write + Send> MonthFile<W> {
    /// Begins the file that is named `id`, for compacted days of `table`.
    /// What has to be written again works in `directory` and holds about `column_bytes` of a column at once.
    pub fn new(
        out: W,
        table: &Table,
        directory: PathBuf,
        column_bytes: usize,
        id: FileId,
    ) -> Result<Self, MonthError> {
        Ok(Self {
            file: FileSplicer::new(out, &table.monthly_copies(), id)?,
            table: table.clone(),
            directory,
            column_bytes,
        })
    }

    /// Appends a compacted file of `day`. A column that was declared since is NULL.
    pub fn add(&mut self, day: Date, file: File) -> Result<(), MonthError> {
        let mut finished = Finished::open(file)?;
        if !finished.has_all_columns(&self.table)? {
            finished = Finished::open(self.write_again(finished)?)?;
        }
        Ok(self.file.append(&finished, day)?)
    }

    /// Writes the footer. Returns what the file was written to, and how many rows it has.
    pub fn finish(self) -> Result<(W, u64), MonthError> {
        Ok(self.file.finish()?)
    }

    /// The same rows, with all columns of the table: a day that is compacted again from one file.
    fn write_again(&self, finished: Finished) -> Result<File, MonthError> {
        let out = tempfile::tempfile_in(&self.directory)?;
        let mut merge = Merge::new(
            self.table.clone(),
            self.directory.clone(),
            self.column_bytes,
        );
        let mut file = finished.into_file();
        file.rewind()?;
        merge.add(file)?;
        let (file, _) = merge.finish(out, FileId::NONE)?;
        Ok(file)
    }
}
