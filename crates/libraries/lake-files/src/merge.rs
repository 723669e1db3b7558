//! Many files of one day to one: sorted, each event once, in bounded memory.
//!
//! Column by column: the order of the rows is found by the few columns that decide it, and then each column is read from all
//! files and written in that order. So only those few are decoded twice, nothing is encoded twice, and what is held at once is
//! one column. What of a column exceeds the memory is read in as many passes as that takes; the files are on disk anyway. What
//! grows with the day, whatever its strings are like, is some 40 bytes an event for its place in the order.

mod event_ids;
mod gathered;
mod order;
mod source_files;

use std::{
    io::{self, Read, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use lake_schema::{ColumnType, FileId, Table};
use parquet::errors::ParquetError;

use self::{
    gathered::Gathered,
    source_files::{row_count, text_passes},
};
use crate::{
    columns::column_types,
    parquet_file::{FileReader, FileWriter, ReadError, SpillFile, catch},
};

/// Rows are numbered by 32 bits.
const MAX_ROWS: usize = u32::MAX as usize - 1;
/// Row groups of the merged file have at least so many rows, if the day has, and fewer than twice as many.
const GROUP_ROWS: usize = 1 << 20;

/// Gathers the files of one day.
#[derive(Debug)]
pub struct Merge {
    table: Table,
    /// Where files are held while they are read, and the merged file's chunks until it is written.
    directory: PathBuf,
    /// How much of a column is held at once.
    column_bytes: usize,
    /// How many rows all files may have together.
    max_rows: usize,
    files: Vec<FileReader>,
    /// For each of the files, the how many-th it is that was added.
    numbers: Vec<usize>,
    /// How many were added, including those that could not be read.
    added_count: usize,
    /// So many of the files, the first ones, are not written again.
    known_count: usize,
    /// Where they lie.
    spill_file: Option<SpillFile>,
}

/// What was merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Rows of the merged file.
    pub row_count: u64,
    /// Rows that were left out, as an event of the same id was there already, in another row or in a known file.
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
    /// What a row takes in memory while its place in the order is found, in bytes.
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
        let row_count = source_files::row_count(&self.files) + row_count;
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
        for place in (0..self.files.len()).rev() {
            let Err(error) = self.files[place].check(&self.table) else {
                continue;
            };
            if error.is_disk_failure() {
                continue;
            }
            self.files.remove(place);
            let number = self.numbers.remove(place);
            if place < self.known_count {
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
        let mut is_left_out = event_ids::find_duplicates(&self.table, &self.files)?;
        let known_rows = row_count(&self.files[..self.known_count]);
        is_left_out[..known_rows].fill(true);
        let rows = order::sorted_rows(&self.table, &self.files, &is_left_out, self.column_bytes)?;
        let merged = Merged {
            row_count: to_u64(rows.len()),
            duplicate_count: to_u64(is_left_out.len() - known_rows - rows.len()),
        };
        drop(is_left_out);

        let groups: Vec<&[u32]> = rows
            .chunks(group_rows(rows.len(), self.most_passes()))
            .collect();
        let mut writer = FileWriter::new(out, &self.table, id)?;
        // A file has its chunks by row group, and they are made by column.
        let mut spill_file = new_spill_file(&self.directory)?;
        let mut chunks: Vec<Vec<_>> = groups.iter().map(|_| Vec::new()).collect();
        let mut gathered = Gathered::default();
        for (place, (_, kind)) in column_types(&self.table).enumerate() {
            for pass in self.passes(place, kind, groups.len()) {
                if gathered.pass != pass {
                    gathered = Gathered::new(&self.files, &groups, pass.clone());
                }
                let column = gathered.read_column(place, kind)?;
                for (rows, chunks) in gathered.rows_by_group().zip(&mut chunks[pass]) {
                    let chunk = writer.encoder().encode(place, &column, rows)?;
                    chunks.push(chunk.spill(&mut spill_file)?);
                }
            }
        }
        for (rows, chunks) in groups.iter().zip(chunks) {
            writer.append_group(rows.len(), chunks)?;
        }
        let (out, _) = writer.finish()?;
        Ok((out, merged))
    }

    /// How often the column that is read most often is read.
    fn most_passes(&self) -> usize {
        column_types(&self.table)
            .enumerate()
            .map(|(place, (_, kind))| self.pass_count(place, kind))
            .max()
            .unwrap_or(1)
    }

    fn pass_count(&self, place: usize, kind: ColumnType) -> usize {
        match kind {
            ColumnType::String => text_passes(&self.files, place, self.column_bytes),
            // Eight or sixteen bytes a row, which passes would not spare.
            ColumnType::Bigint
            | ColumnType::Double
            | ColumnType::Boolean
            | ColumnType::Timestamp => 1,
        }
    }

    /// The row groups whose values of a column are held at once, one pass after the other.
    fn passes(
        &self,
        place: usize,
        kind: ColumnType,
        group_count: usize,
    ) -> impl Iterator<Item = Range<usize>> + use<> {
        let pass_count = self.pass_count(place, kind);
        let step = group_count.div_ceil(pass_count).max(1);
        (0..group_count)
            .step_by(step)
            .map(move |start| start..(start + step).min(group_count))
    }
}

/// Shares rows out evenly among as many groups as can have [`GROUP_ROWS`], or among `fewest_groups`: when a column has to be
/// read so often, a group's share of it fits the memory.
fn group_rows(row_count: usize, fewest_groups: usize) -> usize {
    let groups = (row_count / GROUP_ROWS).max(fewest_groups).max(1);
    row_count.div_ceil(groups).max(1)
}

fn new_spill_file(directory: &Path) -> io::Result<SpillFile> {
    tempfile::tempfile_in(directory).map(SpillFile::new)
}

fn to_u64(rows: usize) -> u64 {
    u64::try_from(rows).expect("no length has more than 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_groups_have_a_million_rows_and_fewer_than_twice_as_many() {
        for (rows, expected) in [
            (0, 1),
            (1, 1),
            (GROUP_ROWS, GROUP_ROWS),
            (2 * GROUP_ROWS - 1, 2 * GROUP_ROWS - 1),
            (2 * GROUP_ROWS, GROUP_ROWS),
            (7_000_000, 1_166_667),
        ] {
            assert_eq!(group_rows(rows, 1), expected, "{rows}");
        }
    }

    #[test]
    fn row_groups_have_fewer_rows_when_a_column_of_them_would_not_fit() {
        assert_eq!(group_rows(GROUP_ROWS, 4), GROUP_ROWS / 4);
        assert_eq!(group_rows(7_000_000, 4), group_rows(7_000_000, 1));
    }
}
