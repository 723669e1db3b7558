//! Rows in memory, by column, on their way into a file.

mod text;

use lake_schema::{CLAMPED, ColumnType, DAY, EXTRA, Period, Table};

pub(crate) use text::{NULL, TextColumn};

/// Some rows of one table. Appended to value by value; a row that turns out to be unusable can be taken back.
///
/// Events leave most columns of their table empty, so NULL costs nothing: a column that is shorter than it has rows is NULL
/// from there on.
#[derive(Debug)]
pub(crate) struct Columns {
    /// As [`column_types`] lists them: the declared ones come first, in the table's order.
    all: Vec<Column>,
    /// The index of the event's time.
    event_time: usize,
    /// The index of `_extra`, which `_clamped` follows.
    extra: usize,
    row_count: usize,
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

/// The columns that rows of a table are made of: the declared ones, then `_extra` and `_clamped`, and in monthly copies `dt`, which in
/// other files is no column but the folder. `_file` is not of the row but of the file.
pub(crate) fn column_types(table: &Table) -> impl Iterator<Item = (&str, ColumnType)> {
    let declared = table.columns().iter();
    let day = match table.period() {
        Period::Day => None,
        Period::Month => Some((DAY, ColumnType::String)),
    };
    declared
        .map(|column| (column.name.as_str(), column.kind))
        .chain([(EXTRA, ColumnType::String), (CLAMPED, ColumnType::Boolean)])
        .chain(day)
}

impl Columns {
    pub(crate) fn new(table: &Table) -> Self {
        Self {
            all: column_types(table)
                .map(|(_, kind)| Column::new(kind))
                .collect(),
            event_time: table.event_time(),
            extra: table.columns().len(),
            row_count: 0,
        }
    }

    /// Finished rows.
    pub(crate) fn row_count(&self) -> usize {
        self.row_count
    }

    /// All columns, as [`column_types`] lists them.
    pub(crate) fn all(&self) -> &[Column] {
        &self.all
    }

    /// A column that the row that was begun has no value in yet, ready for one.
    pub(crate) fn vacant(&mut self, column_index: usize) -> Option<&mut Column> {
        let column = self.all.get_mut(column_index)?;
        if column.len() > self.row_count {
            return None;
        }
        column.pad(self.row_count);
        Some(column)
    }

    /// About how much memory the rows take.
    pub(crate) fn size_bytes(&self) -> usize {
        self.all.iter().map(Column::size_bytes).sum()
    }

    /// The times that decide the rows' days.
    pub(crate) fn event_times(&self) -> &[Option<i64>] {
        match self.all.get(self.event_time) {
            Some(Column::Timestamp(times)) => times,
            _ => &[],
        }
    }

    /// What the row that was begun has in a column of timestamps.
    pub(crate) fn unfinished_instant(&self, column_index: usize) -> Option<i64> {
        match self.all.get(column_index) {
            Some(Column::Timestamp(times)) => times.get(self.row_count).copied().flatten(),
            _ => None,
        }
    }

    /// Finishes a row, of which `time` becomes the event's time. `extra` is UTF-8.
    pub(crate) fn finish_row(&mut self, extra: Option<&[u8]>, time: i64, clamped: bool) {
        let row = self.row_count;
        if let Some(Column::Timestamp(times)) = self.all.get_mut(self.event_time) {
            times.truncate(row);
            times.push(Some(time));
        }
        if let Some([Column::Text(extras), Column::Boolean(clampeds), ..]) =
            self.all.get_mut(self.extra..)
        {
            if let Some(json) = extra {
                extras.pad(row);
                extras.push_bytes(json);
            }
            clampeds.push(Some(clamped));
        }
        self.row_count += 1;
    }

    /// Takes back the values of the row that was begun.
    pub(crate) fn take_back_row(&mut self) {
        for column in &mut self.all {
            column.truncate(self.row_count);
        }
    }

    /// Forgets all rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.all.iter_mut().for_each(Column::clear);
        self.row_count = 0;
    }
}

impl Column {
    pub(crate) fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::String => Self::Text(TextColumn::default()),
            ColumnType::Bigint => Self::Bigint(Vec::new()),
            ColumnType::Double => Self::Double(Vec::new()),
            ColumnType::Boolean => Self::Boolean(Vec::new()),
            ColumnType::Timestamp => Self::Timestamp(Vec::new()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Bigint(values) | Self::Timestamp(values) => values.len(),
            Self::Double(values) => values.len(),
            Self::Boolean(values) => values.len(),
        }
    }

    /// A row's string.
    pub(crate) fn text(&self, row: usize) -> Option<&[u8]> {
        match self {
            Self::Text(values) => values.get(row),
            Self::Bigint(_) | Self::Double(_) | Self::Boolean(_) | Self::Timestamp(_) => None,
        }
    }

    /// Fills up with NULL to so many rows.
    pub(crate) fn pad(&mut self, rows: usize) {
        match self {
            Self::Text(values) => values.pad(rows),
            Self::Bigint(values) | Self::Timestamp(values) => pad(values, rows),
            Self::Double(values) => pad(values, rows),
            Self::Boolean(values) => pad(values, rows),
        }
    }

    /// Appends `rows` of another column of the same type, in that order.
    pub(crate) fn append(&mut self, other: &Self, rows: &[u32]) {
        match (self, other) {
            (Self::Text(values), Self::Text(others)) => values.append(others, rows),
            (Self::Bigint(values), Self::Bigint(others))
            | (Self::Timestamp(values), Self::Timestamp(others)) => pick(values, others, rows),
            (Self::Double(values), Self::Double(others)) => pick(values, others, rows),
            (Self::Boolean(values), Self::Boolean(others)) => pick(values, others, rows),
            _ => unreachable!("columns of one column_index have one type"),
        }
    }

    /// Forgets all rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.truncate(0);
        if let Self::Text(text) = self {
            text.clear();
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

fn pad<T: Clone>(values: &mut Vec<Option<T>>, rows: usize) {
    if values.len() < rows {
        values.resize(rows, None);
    }
}

fn pick<T: Copy>(values: &mut Vec<Option<T>>, others: &[Option<T>], rows: &[u32]) {
    let picked = rows.iter().map(|row| others.get(*row as usize));
    values.extend(picked.map(|value| value.copied().flatten()));
}
