//! Many files of one day to one: sorted, each event once, in bounded memory.
//!
//! An external merge sort. Rows are gathered until they fill the memory they may have, sorted and set aside as a run on disk;
//! at the end the runs are merged row by row into row groups. A day that fits is sorted in memory and never touches the disk.
//! What grows with the day is the memory for the ids seen, 17 to 34 bytes an event.

mod cursor;
mod event_ids;
mod order;

use std::{
    fs::File,
    io::{self, Write},
    path::PathBuf,
};

use lake_schema::{FileId, Table};
use parquet::errors::ParquetError;

use self::{cursor::Cursor, event_ids::EventIds};
use crate::{
    columns::Columns,
    parquet_file::{FileReader, FileWriter, ReadError},
};

/// A run is read back in small pieces, as all runs are read at once.
const RUN_GROUP_ROWS: usize = 16 << 10;
const BLOCK_ROWS: usize = 4 << 10;
/// Row groups of the merged file have at least so many rows, if the day has, and fewer than twice as many.
const GROUP_ROWS: u64 = 1 << 20;

/// Runs are read once.
const RUN_ZSTD_LEVEL: i32 = 1;
/// The merged file stays, and higher levels take longer than they save.
const ZSTD_LEVEL: i32 = 3;

/// Gathers the files of one day.
#[derive(Debug)]
pub struct Merge {
    table: Table,
    /// Where runs are set aside.
    directory: PathBuf,
    /// How much of the rows is held before it becomes a run.
    run_bytes: usize,
    event_ids: EventIds,
    columns: Columns,
    /// The rows of `columns` that are kept.
    kept: Vec<u32>,
    runs: Vec<File>,
    merged: Merged,
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
    /// The merged file or a run could not be written.
    #[error("writing Parquet")]
    Write(#[from] ParquetError),
    /// The disk failed.
    #[error("keeping rows on disk")]
    Disk(#[from] io::Error),
}

impl Merge {
    /// Begins a merge that holds about `run_bytes` of rows, and sets aside in `directory` what is more.
    pub fn new(table: Table, directory: PathBuf, run_bytes: usize) -> Self {
        Self {
            columns: Columns::new(&table),
            table,
            directory,
            run_bytes,
            event_ids: EventIds::default(),
            kept: Vec::new(),
            runs: Vec::new(),
            merged: Merged::default(),
        }
    }

    /// Adds the rows of a file. Of several events with one id the first that is added stays.
    pub fn add(&mut self, file: File) -> Result<(), MergeError> {
        let mut reader = FileReader::new(file, &self.table)?;
        loop {
            let first = self.columns.row_count();
            if reader.read(&mut self.columns, BLOCK_ROWS)? == 0 {
                return Ok(());
            }
            self.keep_new_events(first);
            if self.columns.size_bytes() >= self.run_bytes {
                self.set_run_aside()?;
            }
        }
    }

    /// Writes all rows to `out`, as the file that is named `id`.
    pub fn finish<W: Write + Send>(
        mut self,
        out: W,
        id: FileId,
    ) -> Result<(W, Merged), MergeError> {
        self.event_ids = EventIds::default();
        let mut writer = FileWriter::new(out, &self.table, id, ZSTD_LEVEL)?;
        let group_rows = group_rows(self.merged.row_count);
        if self.runs.is_empty() {
            order::sort(&self.table, &self.columns, &mut self.kept);
            for rows in self.kept.chunks(group_rows) {
                writer.write_group(&self.columns, rows)?;
            }
        } else {
            self.set_run_aside()?;
            self.columns = Columns::new(&self.table);
            merge_runs(&self.table, self.runs, group_rows, &mut writer)?;
        }
        let (out, _) = writer.finish()?;
        Ok((out, self.merged))
    }

    /// Decides about the rows from `first` on, which were just read.
    fn keep_new_events(&mut self, first: usize) {
        for row in first..self.columns.row_count() {
            if self.event_ids.is_new(&self.table, &self.columns, row) {
                self.kept.push(to_u32(row));
                self.merged.row_count += 1;
            } else {
                self.merged.duplicate_count += 1;
            }
        }
    }

    fn set_run_aside(&mut self) -> Result<(), MergeError> {
        order::sort(&self.table, &self.columns, &mut self.kept);
        let file = tempfile::tempfile_in(&self.directory)?;
        let mut run = FileWriter::new(file, &self.table, FileId::NONE, RUN_ZSTD_LEVEL)?;
        for rows in self.kept.chunks(RUN_GROUP_ROWS) {
            run.write_group(&self.columns, rows)?;
        }
        let (file, _) = run.finish()?;
        self.runs.push(file);
        self.columns.clear();
        self.kept.clear();
        Ok(())
    }
}

fn merge_runs<W: Write + Send>(
    table: &Table,
    runs: Vec<File>,
    group_rows: usize,
    writer: &mut FileWriter<W>,
) -> Result<(), MergeError> {
    let mut cursors = Vec::with_capacity(runs.len());
    for run in runs {
        cursors.extend(Cursor::open(table, run)?);
    }
    let all_rows: Vec<u32> = (0..to_u32(group_rows)).collect();
    let mut group = Columns::new(table);
    // Of equal rows the first is taken, which is of the earliest run: so the order is the same as without runs.
    while let Some(least) = (0..cursors.len()).min_by(|a, b| cursors[*a].compare(&cursors[*b])) {
        cursors[least].copy_row(&mut group);
        if group.row_count() == group_rows {
            writer.write_group(&group, &all_rows)?;
            group.clear();
        }
        if !cursors[least].advance()? {
            cursors.remove(least);
        }
    }
    if group.row_count() > 0 {
        writer.write_group(&group, &all_rows[..group.row_count()])?;
    }
    Ok(())
}

/// Shares rows out evenly among as many groups as can have [`GROUP_ROWS`].
fn group_rows(row_count: u64) -> usize {
    let groups = (row_count / GROUP_ROWS).max(1);
    let rows = row_count.div_ceil(groups).max(1);
    usize::try_from(rows).expect("a group is far below 64 bits of rows")
}

fn to_u32(rows: usize) -> u32 {
    u32::try_from(rows).expect("rows in memory are numbered by 32 bits")
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
            assert_eq!(group_rows(rows) as u64, expected, "{rows}");
        }
    }
}
