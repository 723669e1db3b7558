//! A run that is being read back.

use std::{cmp::Ordering, fs::File};

use lake_schema::Table;

use super::{BLOCK_ROWS, order::sort_columns};
use crate::{
    columns::Columns,
    parquet_file::{FileReader, ReadError},
};

/// Stands on a row of a run.
pub(super) struct Cursor<'a> {
    table: &'a Table,
    reader: FileReader,
    block: Columns,
    row: usize,
}

impl<'a> Cursor<'a> {
    /// Stands on the run's first row. `None` when there is none.
    pub(super) fn open(table: &'a Table, run: File) -> Result<Option<Self>, ReadError> {
        let mut cursor = Self {
            table,
            reader: FileReader::new(run, table)?,
            block: Columns::new(table),
            row: 0,
        };
        let has_rows = cursor.read_block()?;
        Ok(has_rows.then_some(cursor))
    }

    /// Goes to the next row. False when there is none.
    pub(super) fn advance(&mut self) -> Result<bool, ReadError> {
        self.row += 1;
        if self.row < self.block.row_count() {
            return Ok(true);
        }
        self.read_block()
    }

    /// Appends the row to `columns`.
    pub(super) fn copy_row(&self, columns: &mut Columns) {
        columns.copy_row(&self.block, self.row);
    }

    /// Compares the rows that two cursors stand on.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let own = sort_columns(self.table, &self.block);
        let others = sort_columns(self.table, &other.block);
        for (own, others) in own.zip(others) {
            let order = nulls_last(own.get(self.row), others.get(other.row));
            if order != Ordering::Equal {
                return order;
            }
        }
        nulls_last(self.time(), other.time())
    }

    fn time(&self) -> Option<i64> {
        self.block.event_times().get(self.row).copied().flatten()
    }

    fn read_block(&mut self) -> Result<bool, ReadError> {
        self.block.clear();
        self.row = 0;
        Ok(self.reader.read(&mut self.block, BLOCK_ROWS)? > 0)
    }
}

fn nulls_last<T: Ord>(a: Option<T>, b: Option<T>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}
