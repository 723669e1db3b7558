//! Many files of one day to one: sorted, each event once, in bounded memory.
//!
//! Column by column: the order of the rows is found by the few columns that decide it, and then each column is read from all
//! files and written in that order. So only those few are decoded twice, nothing is encoded twice, and what is held at once is
//! one column. What of a column exceeds the memory is read in as many passes as that takes; the files are on disk anyway. What
//! grows with the day, whatever its strings are like, is some 40 bytes an event for its place in the order.

mod event_ids;
mod gathered;
mod order;
mod spool;

use std::{
    fs::File,
    io::{self, Read, Write},
    ops::Range,
    path::PathBuf,
    sync::Arc,
};

use lake_schema::{ColumnType, FileId, Table};
use parquet::errors::ParquetError;

use self::{gathered::Gathered, spool::Spool};
use crate::{
    columns::{Column, kinds},
    parquet_file::{EncodedChunk, FileReader, FileSlice, FileWriter, ReadError},
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
    /// Where they lie, one after the other.
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    file: Arc<File>,
    len_bytes: u64,
}

/// What was merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Rows of the merged file.
    pub row_count: u64,
    /// Rows that were left out, as an event of the same id was there already.
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
            held: None,
        }
    }

    /// Adds the rows of the file that `input` reads to its end. Of several events with one id the first that is added stays.
    pub fn add(&mut self, mut input: impl Read) -> Result<(), MergeError> {
        let held = match &mut self.held {
            Some(held) => held,
            None => self.held.insert(Held {
                file: Arc::new(tempfile::tempfile_in(&self.directory)?),
                len_bytes: 0,
            }),
        };
        let len_bytes = io::copy(&mut input, &mut &*held.file)?;
        let slice = FileSlice {
            file: Arc::clone(&held.file),
            offset: held.len_bytes,
            len: len_bytes,
        };
        held.len_bytes += len_bytes;
        self.files.push(FileReader::new(slice, &self.table)?);
        Ok(())
    }

    /// Writes all rows to `out`, as the file that is named `id`.
    pub fn finish<W: Write + Send>(self, out: W, id: FileId) -> Result<(W, Merged), MergeError> {
        let is_duplicate = event_ids::find_duplicates(&self.table, &self.files)?;
        let rows = order::sorted_rows(&self.table, &self.files, &is_duplicate, self.column_bytes)?;
        let merged = Merged {
            row_count: to_u64(rows.len()),
            duplicate_count: to_u64(is_duplicate.len() - rows.len()),
        };
        drop(is_duplicate);

        let groups: Vec<&[u32]> = rows.chunks(self.group_rows(rows.len())).collect();
        let mut writer = FileWriter::new(out, &self.table, id)?;
        let mut spool = Spool::new(tempfile::tempfile_in(&self.directory)?);
        let kinds: Vec<ColumnType> = kinds(&self.table).map(|(_, kind)| kind).collect();
        let mut gathered = Gathered::default();
        for (place, kind) in kinds.iter().enumerate() {
            for pass in self.passes(place, *kind, groups.len()) {
                if gathered.pass != pass {
                    gathered = Gathered::new(&self.files, &groups, pass.clone());
                }
                let column = gathered.read_column(&self.files, place, *kind)?;
                for rows in gathered.rows_by_group() {
                    spool.put(writer.encoder().encode(place, &column, rows)?)?;
                }
            }
        }
        for (number, rows) in groups.iter().enumerate() {
            let places = 0..kinds.len();
            let chunks = places.map(|place| spool.take(place * groups.len() + number));
            writer.append_group::<MergeError>(rows.len(), chunks)?;
        }
        let (out, _) = writer.finish()?;
        Ok((out, merged))
    }

    /// Shares rows out evenly among as many groups as can have [`GROUP_ROWS`], or as many more as it takes for a column of each
    /// to fit the memory.
    fn group_rows(&self, row_count: usize) -> usize {
        let largest = (0..kinds(&self.table).count())
            .map(|place| self.text_bytes(place))
            .max();
        let to_fit = largest.unwrap_or(0).div_ceil(self.column_bytes);
        let groups = (row_count / GROUP_ROWS).max(to_fit).max(1);
        row_count.div_ceil(groups).max(1)
    }

    /// The row groups whose values of a column are held at once, one pass after the other.
    fn passes(
        &self,
        place: usize,
        kind: ColumnType,
        group_count: usize,
    ) -> impl Iterator<Item = Range<usize>> + use<> {
        let pass_count = match kind {
            ColumnType::String => self.text_bytes(place).div_ceil(self.column_bytes).max(1),
            // Eight or sixteen bytes a row, which passes would not spare.
            ColumnType::Bigint
            | ColumnType::Double
            | ColumnType::Boolean
            | ColumnType::Timestamp => 1,
        };
        let step = group_count.div_ceil(pass_count).max(1);
        (0..group_count)
            .step_by(step)
            .map(move |start| start..(start + step).min(group_count))
    }

    /// What a column of strings takes in memory at most.
    fn text_bytes(&self, place: usize) -> usize {
        let bytes_of =
            |file: &FileReader| file.size_bytes(place) + TEXT_ROW_BYTES * file.row_count();
        self.files.iter().map(bytes_of).sum()
    }
}

/// A column of all files, whose rows are numbered through. Strings that are not wanted are NULL instead.
fn read_column(
    files: &[FileReader],
    place: usize,
    kind: ColumnType,
    is_wanted: impl Fn(usize, &[u8]) -> bool,
) -> Result<Column, ReadError> {
    let mut column = Column::new(kind);
    let mut first = 0;
    for file in files {
        for group in 0..file.group_count() {
            file.read_group(group, place, &mut column, first, |row, text| {
                is_wanted(first + row, text)
            })?;
            first += file.group_rows(group);
        }
    }
    Ok(column)
}

fn to_u64(rows: usize) -> u64 {
    u64::try_from(rows).expect("no length has more than 64 bits")
}
