//! The files of a day as one sequence of rows.

use std::ops::Range;

use lake_schema::ColumnType;

use crate::{
    columns::Column,
    parquet_file::{FileReader, ReadError},
};

/// What a row of a column of strings takes beside its string: its entry's number, and where that ends.
const TEXT_ROW_BYTES: usize = 8;

/// How often a column of strings is read for about `column_bytes` of it to be held at once.
pub(super) fn text_passes(files: &[FileReader], place: usize, column_bytes: usize) -> usize {
    let bytes_of = |file: &FileReader| file.size_bytes(place) + TEXT_ROW_BYTES * file.row_count();
    let most_bytes: usize = files.iter().map(bytes_of).sum();
    most_bytes.div_ceil(column_bytes).max(1)
}

/// The rows of all files.
pub(super) fn row_count(files: &[FileReader]) -> usize {
    files.iter().map(FileReader::row_count).sum()
}

/// A row group of a file.
#[derive(Clone, Debug)]
pub(super) struct SourceGroup<'a> {
    pub(super) file: &'a FileReader,
    pub(super) group: usize,
    /// Its rows, numbered through all files.
    pub(super) rows: Range<usize>,
}

/// The row groups of all files.
pub(super) fn source_groups(files: &[FileReader]) -> impl Iterator<Item = SourceGroup<'_>> {
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
pub(super) fn read_column(
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
