//! The rows of some row groups of the merged file, on their way from the files that have them.

use std::ops::Range;

use lake_schema::ColumnType;

use super::source_files::{SourceGroup, source_groups};
use crate::{
    columns::Column,
    parquet_file::{FileReader, ReadError},
};

/// Which rows are read of each row group of the files, and in which order they are written.
///
/// A row group is taken apart while it is in the processor's cache: its rows are gathered in the order of the merged file. So
/// writing walks along as many sequences as there are row groups, instead of jumping through memory for each row.
#[derive(Debug, Default)]
pub(super) struct Gathered<'a> {
    /// The row groups of the merged file.
    pub(super) pass: Range<usize>,
    sources: Vec<Source<'a>>,
    /// For each row group of the merged file, its rows by their place among the gathered ones.
    rows: Vec<Vec<u32>>,
}

/// What is read of a row group.
#[derive(Debug)]
struct Source<'a> {
    group: SourceGroup<'a>,
    /// Its rows that are read, by their place in it, in the order of the merged file.
    rows: Vec<u32>,
    /// How many they will be.
    row_count: usize,
    /// The place of the first of them among the gathered rows.
    first: u32,
}

impl<'a> Gathered<'a> {
    /// For those of `groups` that are in `pass`; rows are numbered through all files.
    pub(super) fn new(files: &'a [FileReader], groups: &[&[u32]], pass: Range<usize>) -> Self {
        let mut sources: Vec<Source<'_>> = source_groups(files)
            .filter(|group| !group.rows.is_empty())
            .map(|group| Source {
                group,
                rows: Vec::new(),
                row_count: 0,
                first: 0,
            })
            .collect();
        let groups = &groups[pass.clone()];
        let starts: Vec<u32> = sources.iter().map(Source::start).collect();
        let source_of = |row: u32| starts.partition_point(|start| *start <= row) - 1;

        for row in groups.iter().copied().flatten() {
            sources[source_of(*row)].row_count += 1;
        }
        let mut first = 0;
        for source in &mut sources {
            source.first = first;
            source.rows.reserve_exact(source.row_count);
            first += to_u32(source.row_count);
        }
        let mut gather = |row: &u32| {
            let source = &mut sources[source_of(*row)];
            let place = source.first + to_u32(source.rows.len());
            source.rows.push(row - source.start());
            place
        };
        let rows = groups
            .iter()
            .map(|group| group.iter().map(&mut gather).collect())
            .collect();
        Self {
            pass,
            sources,
            rows,
        }
    }

    /// For each row group of the merged file, its rows by their place in the columns that are read.
    pub(super) fn rows_by_group(&self) -> impl Iterator<Item = &[u32]> {
        self.rows.iter().map(Vec::as_slice)
    }

    /// The gathered rows' values of one column.
    pub(super) fn read_column(&self, place: usize, kind: ColumnType) -> Result<Column, ReadError> {
        let mut column = Column::new(kind);
        let mut source_column = Column::new(kind);
        for source in &self.sources {
            source_column.clear();
            let SourceGroup { file, group, .. } = source.group;
            file.read_group(group, place, &mut source_column, 0, |_, _| true)?;
            if source_column.len() > 0 {
                column.pad(source.first as usize);
                column.append(&source_column, &source.rows);
            }
        }
        Ok(column)
    }
}

impl Source<'_> {
    fn start(&self) -> u32 {
        to_u32(self.group.rows.start)
    }
}

fn to_u32(rows: usize) -> u32 {
    u32::try_from(rows).expect("the rows of a day are numbered by 32 bits")
}
