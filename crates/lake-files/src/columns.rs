//! Rows in memory, by column, on their way into a file.

mod text;

use lake_schema::{ColumnType, Table};

pub(crate) use text::{NULL, TextColumn};

/// Some rows of one table. Appended to value by value; a row that turns out to be unusable can be taken back.
#[derive(Debug)]
pub(crate) struct Columns {
    /// In the table's order.
    pub(crate) declared: Vec<Column>,
    pub(crate) extra: TextColumn,
    pub(crate) clamped: Vec<bool>,
    /// The place of the event's time among `declared`.
    event_time: usize,
}

/// The values of one column.
#[derive(Debug)]
pub(crate) enum Column {
    Text(TextColumn),
    Bigint(Vec<Option<i64>>),
    Double(Vec<Option<f64>>),
    Boolean(Vec<Option<bool>>),
    /// Milliseconds since the epoch.
    Timestamp(Vec<Option<i64>>),
}

impl Columns {
    pub(crate) fn new(table: &Table) -> Self {
        let declared = table
            .columns()
            .iter()
            .map(|column| match column.kind {
                ColumnType::String => Column::Text(TextColumn::default()),
                ColumnType::Bigint => Column::Bigint(Vec::new()),
                ColumnType::Double => Column::Double(Vec::new()),
                ColumnType::Boolean => Column::Boolean(Vec::new()),
                ColumnType::Timestamp => Column::Timestamp(Vec::new()),
            })
            .collect();
        Self {
            declared,
            extra: TextColumn::default(),
            clamped: Vec::new(),
            event_time: table.event_time(),
        }
    }

    /// Finished rows.
    pub(crate) fn row_count(&self) -> usize {
        self.clamped.len()
    }

    /// About how much memory the rows take.
    pub(crate) fn size_bytes(&self) -> usize {
        let declared: usize = self.declared.iter().map(Column::size_bytes).sum();
        declared + self.extra.size_bytes() + self.clamped.len()
    }

    /// The times that decide the rows' days.
    pub(crate) fn event_times(&self) -> &[Option<i64>] {
        match self.declared.get(self.event_time) {
            Some(Column::Timestamp(times)) => times,
            _ => &[],
        }
    }

    /// What the row that was begun has in a column of timestamps.
    pub(crate) fn unfinished_instant(&self, place: usize) -> Option<i64> {
        match self.declared.get(place) {
            Some(Column::Timestamp(times)) => times.get(self.row_count()).copied().flatten(),
            _ => None,
        }
    }

    /// Finishes a row: columns that got no value in it get NULL, and `time` becomes the event's time.
    pub(crate) fn finish_row(&mut self, extra: Option<&str>, time: i64, clamped: bool) {
        let row = self.row_count();
        for column in &mut self.declared {
            if column.len() == row {
                column.push_null();
            }
        }
        if let Some(Column::Timestamp(times)) = self.declared.get_mut(self.event_time)
            && let Some(last) = times.last_mut()
        {
            *last = Some(time);
        }
        match extra {
            Some(json) => self.extra.push(json),
            None => self.extra.push_null(),
        }
        self.clamped.push(clamped);
    }

    /// Appends a row of others of the same table.
    pub(crate) fn copy_row(&mut self, others: &Self, row: usize) {
        for (column, other) in self.declared.iter_mut().zip(&others.declared) {
            column.copy_value(other, row);
        }
        self.extra.copy_value(&others.extra, row);
        self.clamped.push(others.clamped[row]);
    }

    /// Takes back the values of the row that was begun.
    pub(crate) fn take_back_row(&mut self) {
        let rows = self.row_count();
        for column in &mut self.declared {
            column.truncate(rows);
        }
    }

    /// Forgets all rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        for column in &mut self.declared {
            column.truncate(0);
            if let Column::Text(text) = column {
                text.clear();
            }
        }
        self.extra.clear();
        self.clamped.clear();
    }
}

impl Column {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Bigint(values) | Self::Timestamp(values) => values.len(),
            Self::Double(values) => values.len(),
            Self::Boolean(values) => values.len(),
        }
    }

    pub(crate) fn push_null(&mut self) {
        match self {
            Self::Text(values) => values.push_null(),
            Self::Bigint(values) | Self::Timestamp(values) => values.push(None),
            Self::Double(values) => values.push(None),
            Self::Boolean(values) => values.push(None),
        }
    }

    fn copy_value(&mut self, other: &Self, row: usize) {
        match (self, other) {
            (Self::Text(values), Self::Text(others)) => values.copy_value(others, row),
            (Self::Bigint(values), Self::Bigint(others))
            | (Self::Timestamp(values), Self::Timestamp(others)) => values.push(others[row]),
            (Self::Double(values), Self::Double(others)) => values.push(others[row]),
            (Self::Boolean(values), Self::Boolean(others)) => values.push(others[row]),
            _ => unreachable!("columns of one table have the same types"),
        }
    }

    fn truncate(&mut self, rows: usize) {
        match self {
            Self::Text(values) => values.truncate(rows),
            Self::Bigint(values) | Self::Timestamp(values) => values.truncate(rows),
            Self::Double(values) => values.truncate(rows),
            Self::Boolean(values) => values.truncate(rows),
        }
    }

    fn size_bytes(&self) -> usize {
        match self {
            Self::Text(values) => values.size_bytes(),
            Self::Bigint(values) | Self::Timestamp(values) => size_of_val(values.as_slice()),
            Self::Double(values) => size_of_val(values.as_slice()),
            Self::Boolean(values) => size_of_val(values.as_slice()),
        }
    }
}
