//! Many files of one day to one: sorted, each event once, in bounded memory.
//!
//! Column by column: the order of the rows is found by the few columns that decide it, and then each column is read from all
//! files and written in that order. So only those few are decoded twice, nothing is encoded twice, and what is held at once is
//! one column. What of a column exceeds the memory is read in as many passes as that takes; the files are on disk anyway. What
//! grows with the day, whatever its strings are like, is some 40 bytes an event for its place in the order.

mod event_ids;
mod gathered;
mod order;

use std::{
    io::{self, Read, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use lake_schema::{ColumnType, FileId, Table};
use parquet::errors::ParquetError;

use self::gathered::Gathered;
use crate::{
    columns::{Column, kinds},
    parquet_file::{FileReader, FileWriter, Pile, ReadError},
};

/// Row groups of the merged file have at least so many rows, if the day has, and fewer than twice as many.
const GROUP_ROWS: usize = 1 << 20;
/// What a row of a column of strings takes beside its string: its entry's number, and where that ends.
const TEXT_ROW_BYTES: usize = 8;

/// Gathers the files of one day.
#[derive(Debug)]
pub struct Merge {
    table: Table,
    /// Where files are held while they are read, and the merged file's chunks until it is written.
    directory: PathBuf,
    /// How much of a column is held at once.
    column_bytes: usize,
    files: Vec<FileReader>,
    /// So many of them, the first ones, are not written again.
    known_count: usize,
    /// Where they lie.
    pile: Option<Pile>,
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
}

impl Merge {
    /// Begins a merge that holds about `column_bytes` of a column at once, and everything else in `directory`.
    pub fn new(table: Table, directory: PathBuf, column_bytes: usize) -> Self {
        Self {
            table,
            directory,
            column_bytes,
            files: Vec::new(),
            known_count: 0,
            pile: None,
        }
    }

    /// Adds a file whose events are known: they are not written, nor is any that is added with one of their ids.
    pub fn add_known(&mut self, input: impl Read) -> Result<(), MergeError> {
        self.add(input)?;
        let file = self.files.pop().into_iter();
        self.files.splice(self.known_count..self.known_count, file);
        self.known_count += 1;
        Ok(())
    }

    /// Adds the rows of the file that `input` reads to its end. Of several events with one id the first that is added stays.
    pub fn add(&mut self, input: impl Read) -> Result<(), MergeError> {
        let pile = match &mut self.pile {
            Some(pile) => pile,
            None => self.pile.insert(new_pile(&self.directory)?),
        };
        let file = pile.append(input)?;
        self.files.push(FileReader::new(file, &self.table)?);
        Ok(())
    }

    /// Writes all rows to `out`, as the file that is named `id`.
    pub fn finish<W: Write + Send>(self, out: W, id: FileId) -> Result<(W, Merged), MergeError> {
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
        let mut pile = new_pile(&self.directory)?;
        let mut chunks: Vec<Vec<_>> = groups.iter().map(|_| Vec::new()).collect();
        let mut gathered = Gathered::default();
        for (place, (_, kind)) in kinds(&self.table).enumerate() {
            for pass in self.passes(place, kind, groups.len()) {
                if gathered.pass != pass {
                    gathered = Gathered::new(&self.files, &groups, pass.clone());
                }
                let column = gathered.read_column(place, kind)?;
                for (rows, chunks) in gathered.rows_by_group().zip(&mut chunks[pass]) {
                    let chunk = writer.encoder().encode(place, &column, rows)?;
                    chunks.push(chunk.put_aside(&mut pile)?);
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
        kinds(&self.table)
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

fn new_pile(directory: &Path) -> io::Result<Pile> {
    tempfile::tempfile_in(directory).map(Pile::new)
}

/// How often a column of strings is read for about `column_bytes` of it to be held at once.
fn text_passes(files: &[FileReader], place: usize, column_bytes: usize) -> usize {
    let bytes_of = |file: &FileReader| file.size_bytes(place) + TEXT_ROW_BYTES * file.row_count();
    let most_bytes: usize = files.iter().map(bytes_of).sum();
    most_bytes.div_ceil(column_bytes).max(1)
}

/// The rows of all files.
fn row_count(files: &[FileReader]) -> usize {
    files.iter().map(FileReader::row_count).sum()
}

/// A row group of a file.
#[derive(Clone, Debug)]
struct SourceGroup<'a> {
    file: &'a FileReader,
    group: usize,
    /// Its rows, numbered through all files.
    rows: Range<usize>,
}

/// The row groups of all files.
fn source_groups(files: &[FileReader]) -> impl Iterator<Item = SourceGroup<'_>> {
    let groups = files
        .iter()
        .flat_map(|file| (0..file.group_count()).map(move |group| (file, group)));
    let mut end = 0;
    groups.map(move |(file, group)| {
        let start = end;
        end += file.group_rows(group);
        let rows = start..end;
        SourceGroup { file, group, rows }
    })
}

/// A column of all files, whose rows are numbered through. Strings that are not wanted are NULL instead.
fn read_column(
    files: &[FileReader],
    place: usize,
    kind: ColumnType,
    is_wanted: impl Fn(usize, &[u8]) -> bool,
) -> Result<Column, ReadError> {
    let mut column = Column::new(kind);
    for SourceGroup { file, group, rows } in source_groups(files) {
        let first = rows.start;
        file.read_group(group, place, &mut column, first, |row, text| {
            is_wanted(first + row, text)
        })?;
    }
    Ok(column)
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
