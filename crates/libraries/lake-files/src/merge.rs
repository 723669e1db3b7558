//! Merges many files of one day into one: sorted, each event once, in bounded memory.
//!
//! It works column by column: the few columns that determine the order of the rows are read first, then each column is read from all
//! files and written in that order. So only those few are decoded twice, nothing is encoded twice, and one column is in memory at a
//! time. A column that exceeds the memory limit is read in several passes; the files are on the local disk anyway. What grows with
//! the day, whatever its strings, is some 40 bytes an event for its position in the order.

mod erasing;
mod event_ids;
mod order;
mod source_files;
mod writing;

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use lake_schema::{FileId, Table};
use parquet::errors::ParquetError;

pub use self::erasing::WithoutRows;
use self::source_files::SourceFiles;
use crate::parquet_file::{FileReader, FileWriter, ReadError, SpillFile, catch};

/// Rows are numbered by 32 bits.
const MAX_ROWS: usize = u32::MAX as usize - 1;

/// The files of one day that are to become one.
#[derive(Debug)]
pub struct Merge {
    table: Table,
    /// Where files are held while they are read, and the merged file's chunks until it is written.
    directory: PathBuf,
    /// Memory for one column, in bytes.
    column_bytes: usize,
    /// The largest number of rows of all files together.
    max_rows: usize,
    files: Vec<FileReader>,
    /// For each of the files, its number in the order in which they were added.
    numbers: Vec<usize>,
    /// How many were added, including those that could not be read.
    added_count: usize,
    /// The number of files, the first ones, that are not written again.
    known_count: usize,
    /// Where the files are stored.
    spill_file: Option<SpillFile>,
}

/// What was merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Rows of the merged file.
    pub row_count: u64,
    /// Rows that were left out, because another row or a known file has an event with the same id.
    pub duplicate_count: u64,
}

/// Files that could not be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A file does not fit the table or cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The merged file could not be written.
    #[error("writing Parquet")]
    Write(#[from] ParquetError),
    /// A file could not be read, or the disk failed.
    #[error("copying a file to the disk, or keeping columns there")]
    Disk(#[from] io::Error),
    /// With this file there would be more rows than the memory has room for. It may be merged without the others.
    #[error("{row_count} rows, of which {limit} can be merged at once with this memory")]
    Full {
        /// The rows of all files with this one.
        row_count: usize,
        /// How many there may be.
        limit: usize,
    },
}

impl MergeError {
    /// What is wrong with a file, if that is why; `None` when another attempt may succeed.
    pub fn broken_file(&self) -> Option<&ReadError> {
        match self {
            Self::Read(error) if !error.is_disk_failure() => Some(error),
            Self::Read(_) | Self::Write(_) | Self::Disk(_) | Self::Full { .. } => None,
        }
    }
}

/// A file that cannot be merged, whatever it is merged with.
#[derive(Debug)]
pub struct BrokenFile {
    /// Which one it is, in the order in which they were added, from 0.
    pub number: usize,
    /// What is wrong with it.
    pub error: ReadError,
}

impl Merge {
    /// Memory for one row while the order is determined, in bytes.
    pub const BYTES_A_ROW: usize = 40;

    /// Begins a merge that holds about `column_bytes` of a column at once, and everything else in `directory`.
    pub fn new(table: Table, directory: PathBuf, column_bytes: usize) -> Self {
        Self {
            table,
            directory,
            column_bytes,
            max_rows: MAX_ROWS,
            files: Vec::new(),
            numbers: Vec::new(),
            added_count: 0,
            known_count: 0,
            spill_file: None,
        }
    }

    /// The table whose files are merged.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Merges so many rows at most, which take about [`Merge::BYTES_A_ROW`] each beside the columns.
    #[must_use]
    pub fn with_max_rows(mut self, max_rows: usize) -> Self {
        self.max_rows = max_rows.min(MAX_ROWS);
        self
    }

    /// Adds a file whose events are known: they are not written, nor is any that is added with one of their ids.
    pub fn add_known(&mut self, input: impl Read) -> Result<(), MergeError> {
        self.add(input)?;
        self.files[self.known_count..].rotate_right(1);
        self.numbers[self.known_count..].rotate_right(1);
        self.known_count += 1;
        Ok(())
    }

    /// Adds the rows of the file that `input` reads to its end. Of several events with one id the first that is added stays.
    /// After an error the merge is what it was before; the file counts as one that was added.
    pub fn add(&mut self, input: impl Read) -> Result<(), MergeError> {
        let number = self.added_count;
        self.added_count += 1;
        let spill_file = match &mut self.spill_file {
            Some(spill_file) => spill_file,
            None => self.spill_file.insert(new_spill_file(&self.directory)?),
        };
        let file = FileReader::new(&spill_file.append(input)?, &self.table)?;
        let limit = self.max_rows;
        let row_count = file.row_count();
        if row_count > limit {
            return Err(ReadError::TooManyRows { row_count, limit }.into());
        }
        let row_count = self::row_count(&self.files) + row_count;
        if row_count > limit {
            return Err(MergeError::Full { row_count, limit });
        }
        self.files.push(file);
        self.numbers.push(number);
        Ok(())
    }

    /// Takes out the files that cannot be read to their end. Reads all of them, so it is for when [`Merge::finish`] has failed.
    pub fn take_broken(&mut self) -> Vec<BrokenFile> {
        let mut broken = Vec::new();
        for index in (0..self.files.len()).rev() {
            let Err(error) = self.files[index].check(&self.table) else {
                continue;
            };
            if error.is_disk_failure() {
                continue;
            }
            self.files.remove(index);
            let number = self.numbers.remove(index);
            if index < self.known_count {
                self.known_count -= 1;
            }
            broken.push(BrokenFile { number, error });
        }
        broken
    }

    /// Whether there is no file whose rows would be written.
    pub fn is_empty(&self) -> bool {
        self.files.len() == self.known_count
    }

    /// Writes all rows to `out`, as the file that is named `id`.
    pub fn finish<W: Write + Send>(&self, out: W, id: FileId) -> Result<(W, Merged), MergeError> {
        let mut finished = None;
        // A file that misleads the reader into a panic is an error like another, and `take_broken` finds it.
        catch(|| {
            finished = Some(self.write(out, id));
            Ok(())
        })?;
        finished.unwrap_or_else(|| Err(io::Error::other("nothing was written").into()))
    }

    fn write<W: Write + Send>(&self, out: W, id: FileId) -> Result<(W, Merged), MergeError> {
        let files = SourceFiles::new(&self.files, &self.table, self.column_bytes);
        let mut is_left_out = event_ids::find_duplicates(&self.table, &files)?;
        let known_rows = row_count(&self.files[..self.known_count]);
        is_left_out[..known_rows].fill(true);
        let rows = order::sorted_rows(&self.table, &files, &is_left_out)?;
        let merged = Merged {
            row_count: to_u64(rows.len()),
            duplicate_count: to_u64(is_left_out.len() - known_rows - rows.len()),
        };
        drop(is_left_out);

        let mut writer = FileWriter::new(out, &self.table, id)?;
        let mut spill_file = new_spill_file(&self.directory)?;
        writing::write_rows(&files, &rows, &mut writer, &mut spill_file)?;
        let (out, _) = writer.finish()?;
        Ok((out, merged))
    }
}

fn row_count(files: &[FileReader]) -> usize {
    files.iter().map(FileReader::row_count).sum()
}

fn new_spill_file(directory: &Path) -> io::Result<SpillFile> {
    tempfile::tempfile_in(directory).map(SpillFile::new)
}

fn to_u64(rows: usize) -> u64 {
    u64::try_from(rows).expect("no length has more than 64 bits")
}
