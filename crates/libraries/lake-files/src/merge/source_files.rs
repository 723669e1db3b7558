//! The files of a day as one sequence of rows.

use std::ops::Range;

use lake_schema::{ColumnType, Table};

use crate::{columns::column_types, parquet_file::FileReader};

/// Memory for a row of a column of strings without its string: the number of its entry, and the end of that.
const TEXT_ROW_BYTES: usize = 8;

/// The row groups of all files, whose rows are numbered through, and the columns to read.
#[derive(Debug)]
pub(super) struct SourceFiles<'a> {
    pub(super) groups: Vec<SourceGroup<'a>>,
    /// As [`column_types`] lists them.
    pub(super) columns: Vec<SourceColumn>,
}

/// A row group of a file.
#[derive(Debug)]
pub(super) struct SourceGroup<'a> {
    pub(super) file: &'a FileReader,
    pub(super) group: usize,
    /// Its rows, numbered through all files.
    pub(super) rows: Range<usize>,
}

/// A column of all files.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourceColumn {
    pub(super) kind: ColumnType,
    /// In how many passes it is read, so that it is in memory in parts.
    pub(super) pass_count: usize,
}

impl<'a> SourceFiles<'a> {
    /// Files of `table`, of whose columns about `column_bytes` are to be in memory at once.
    pub(super) fn new(files: &'a [FileReader], table: &Table, column_bytes: usize) -> Self {
        let mut end = 0;
        let groups = files
            .iter()
            .flat_map(|file| (0..file.group_count()).map(move |group| (file, group)))
            .map(|(file, group)| {
                let start = end;
                end += file.group_rows(group);
                let rows = start..end;
                SourceGroup { file, group, rows }
            })
            .collect();
        let columns = column_types(table)
            .enumerate()
            .map(|(column_index, (_, kind))| SourceColumn {
                kind,
                pass_count: match kind {
                    ColumnType::String => text_bytes(files, column_index)
                        .div_ceil(column_bytes)
                        .max(1),
                    // Eight or sixteen bytes a row, which passes would not spare.
                    ColumnType::Bigint
                    | ColumnType::Double
                    | ColumnType::Boolean
                    | ColumnType::Timestamp => 1,
                },
            })
            .collect();
        Self { groups, columns }
    }

    /// The rows of all files.
    pub(super) fn row_count(&self) -> usize {
        self.groups.last().map_or(0, |group| group.rows.end)
    }
}

/// How much memory a column of strings takes at most.
fn text_bytes(files: &[FileReader], column_index: usize) -> usize {
    let bytes_of =
        |file: &FileReader| file.size_bytes(column_index) + TEXT_ROW_BYTES * file.row_count();
    files.iter().map(bytes_of).sum()
}
