//! The order of a closed day: by the table's sort columns, then by time. NULL comes last.

use lake_schema::Table;

use crate::columns::{Column, Columns, NULL, TextColumn};

/// What two rows of one `Columns` are compared by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    ranks: [u32; Table::MAX_SORT_COLUMNS],
    time: i64,
    /// Equal rows keep their order, so that the same files always give the same file.
    row: u32,
}

/// Sorts `rows` of `columns`.
pub(super) fn sort(table: &Table, columns: &Columns, rows: &mut [u32]) {
    let ranked: Vec<(&TextColumn, Vec<u32>)> = sort_columns(table, columns)
        .map(|column| (column, ranks(column)))
        .collect();
    let times = columns.event_times();
    let mut keys: Vec<Key> = rows
        .iter()
        .map(|row| {
            let mut key = Key {
                ranks: [0; Table::MAX_SORT_COLUMNS],
                time: times[*row as usize].unwrap_or(i64::MAX),
                row: *row,
            };
            for (rank, (column, ranks)) in key.ranks.iter_mut().zip(&ranked) {
                *rank = match column.codes()[*row as usize] {
                    NULL => u32::MAX,
                    code => ranks[code as usize],
                };
            }
            key
        })
        .collect();
    keys.sort_unstable();
    for (row, key) in rows.iter_mut().zip(keys) {
        *row = key.row;
    }
}

/// The strings that a table's closed days are sorted by.
pub(super) fn sort_columns<'a>(
    table: &'a Table,
    columns: &'a Columns,
) -> impl Iterator<Item = &'a TextColumn> {
    table
        .sort()
        .iter()
        .filter_map(|place| match columns.declared.get(*place) {
            Some(Column::Text(column)) => Some(column),
            _ => None,
        })
}

/// Each entry's place among the different entries in order, so that rows are compared by numbers.
fn ranks(column: &TextColumn) -> Vec<u32> {
    let count = u32::try_from(column.entry_count()).expect("entries are numbered by 32 bits");
    let mut by_text: Vec<u32> = (0..count).collect();
    by_text.sort_unstable_by_key(|code| column.entry(*code));
    let mut ranks = vec![0; column.entry_count()];
    let mut rank = 0;
    for pair in by_text.windows(2) {
        rank += u32::from(column.entry(pair[0]) != column.entry(pair[1]));
        ranks[pair[1] as usize] = rank;
    }
    ranks
}
