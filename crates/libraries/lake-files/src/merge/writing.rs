//! Writes the rows of the source files in their new order, column by column, as row groups of the merged file.

use std::{io::Write, ops::Range};

use lake_schema::ColumnType;

use super::{
    MergeError,
    source_files::{SourceColumn, SourceFiles, SourceGroup},
};
use crate::{
    columns::Column,
    parquet_file::{FileWriter, ReadError, SpillFile},
};

/// Row groups of the merged file have at least so many rows, if the day has, and fewer than twice as many.
const GROUP_ROWS: usize = 1 << 20;

/// Writes `rows`, numbered through all files, in this order. `spill_file` keeps the chunks until their row group is complete.
pub(super) fn write_rows<W: Write + Send>(
    files: &SourceFiles<'_>,
    rows: &[u32],
    writer: &mut FileWriter<W>,
    spill_file: &mut SpillFile,
) -> Result<(), MergeError> {
    let pass_counts = files.columns.iter().map(|column| column.pass_count);
    let groups: Vec<&[u32]> = rows
        .chunks(group_rows(rows.len(), pass_counts.max().unwrap_or(1)))
        .collect();
    // A file has its chunks by row group, and they are made by column.
    let mut chunks: Vec<Vec<_>> = groups.iter().map(|_| Vec::new()).collect();
    let mut gathered = Gathered::default();
    for (column_index, SourceColumn { kind, pass_count }) in files.columns.iter().enumerate() {
        for pass in passes(groups.len(), *pass_count) {
            if gathered.pass != pass {
                gathered = Gathered::new(&files.groups, &groups, pass.clone());
            }
            let column = gathered.read_column(column_index, *kind)?;
            for (rows, chunks) in gathered.rows.iter().zip(&mut chunks[pass]) {
                let chunk = writer.encoder().encode(column_index, &column, rows)?;
                chunks.push(chunk.spill(spill_file)?);
            }
        }
    }
    for (rows, chunks) in groups.iter().zip(chunks) {
        writer.append_group(rows.len(), chunks)?;
    }
    Ok(())
}

/// Shares rows out evenly among as many groups as can have [`GROUP_ROWS`], or among `fewest_groups`: when a column has to be
/// read so often, a group's share of it fits the memory.
fn group_rows(row_count: usize, fewest_groups: usize) -> usize {
    let groups = (row_count / GROUP_ROWS).max(fewest_groups).max(1);
    row_count.div_ceil(groups).max(1)
}

/// The row groups whose values of a column are held at once, one pass after the other.
fn passes(group_count: usize, pass_count: usize) -> impl Iterator<Item = Range<usize>> {
    let step = group_count.div_ceil(pass_count).max(1);
    (0..group_count)
        .step_by(step)
        .map(move |start| start..(start + step).min(group_count))
}

/// Which rows are read of each row group of the files, and in which order they are written.
///
/// The rows of a row group are gathered in the order of the merged file while the group is in the processor's cache. So writing
/// reads as many sequences as there are row groups, instead of random addresses.
#[derive(Debug, Default)]
struct Gathered<'a> {
    /// The row groups of the merged file.
    pass: Range<usize>,
    sources: Vec<Source<'a>>,
    /// For each row group of the merged file, the indices of its rows among the gathered ones.
    rows: Vec<Vec<u32>>,
}

/// What is read of a row group.
#[derive(Debug)]
struct Source<'a> {
    group: &'a SourceGroup<'a>,
    /// The indices of its rows that are read, in the order of the merged file.
    rows: Vec<u32>,
    /// Their number.
    row_count: usize,
    /// The index of the first of them among the gathered rows.
    first: u32,
}

impl<'a> Gathered<'a> {
    /// For those of `groups` that are in `pass`; rows are numbered through all files.
    fn new(files: &'a [SourceGroup<'a>], groups: &[&[u32]], pass: Range<usize>) -> Self {
        let mut sources: Vec<Source<'_>> = files
            .iter()
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
            let index = source.first + to_u32(source.rows.len());
            source.rows.push(row - source.start());
            index
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

    /// The gathered rows' values of one column.
    fn read_column(&self, column_index: usize, kind: ColumnType) -> Result<Column, ReadError> {
        let mut column = Column::new(kind);
        let mut source_column = Column::new(kind);
        for source in &self.sources {
            source_column.clear();
            let SourceGroup { file, group, .. } = source.group;
            file.read_group(*group, column_index, &mut source_column, 0, |_, _| true)?;
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
