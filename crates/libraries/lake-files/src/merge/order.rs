//! The order of a compacted day: by the table's sort columns, then by time. NULL comes last.

use std::cmp::Ordering;

use lake_schema::{ColumnType, Table};

use super::source_files::{SourceFiles, SourceGroup};
use crate::{
    columns::{Column, NULL, TextColumn},
    parquet_file::ReadError,
};

/// The number of sampled strings for each pass, by which a column is split into passes.
const SAMPLES_PER_PASS: usize = 256;

/// What two rows are compared by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    ranks: [u32; Table::MAX_SORT_COLUMNS],
    time: i64,
    /// Equal rows keep their order, so that the same files always give the same file.
    row: u32,
}

/// The rows of all files, numbered through, in order and without those that are duplicates.
pub(super) fn sorted_rows(
    table: &Table,
    files: &SourceFiles<'_>,
    is_duplicate: &[bool],
) -> Result<Vec<u32>, ReadError> {
    let times = read_times(files, table.event_time())?;
    let mut keys: Vec<Key> = (0..)
        .zip(is_duplicate)
        .map(|(row, _)| Key {
            ranks: [u32::MAX; Table::MAX_SORT_COLUMNS],
            time: i64::MAX,
            row,
        })
        .collect();
    for (key, time) in keys.iter_mut().zip(times) {
        key.time = time.unwrap_or(i64::MAX);
    }
    for (number, column_index) in table.sort().iter().enumerate() {
        for_each_rank(files, *column_index, |row, rank| {
            keys[row].ranks[number] = rank;
        })?;
    }
    keys.retain(|key| !is_duplicate[key.row as usize]);
    keys.sort_unstable();
    Ok(keys.into_iter().map(|key| key.row).collect())
}

/// Calls `set` with each row that has a string, and the string's rank among the different strings of the column, so that rows are
/// compared by numbers.
fn for_each_rank(
    files: &SourceFiles<'_>,
    column_index: usize,
    mut set: impl FnMut(usize, u32),
) -> Result<(), ReadError> {
    let mut next_rank = 0;
    for range in text_ranges(files, column_index)? {
        let column = read_text(files, column_index, |_, text| range.contains(text))?;
        let ranks = ranks(&column, &mut next_rank);
        for (row, code) in column.codes().iter().enumerate() {
            if *code != NULL {
                set(row, ranks[*code as usize]);
            }
        }
    }
    Ok(())
}

/// A range of strings.
struct TextRange {
    start: Option<Vec<u8>>,
    end: Option<Vec<u8>>,
}

impl TextRange {
    fn contains(&self, text: &[u8]) -> bool {
        let is_from_start = self.start.as_deref().is_none_or(|start| start <= text);
        is_from_start && self.end.as_deref().is_none_or(|end| text < end)
    }
}

/// Splits the strings of a column into a range for each of its passes, estimated from a sample.
fn text_ranges(files: &SourceFiles<'_>, column_index: usize) -> Result<Vec<TextRange>, ReadError> {
    let pass_count = files.columns[column_index].pass_count;
    let mut starts = Vec::new();
    if pass_count > 1 {
        let step = (files.row_count() / (pass_count * SAMPLES_PER_PASS)).max(1);
        let some_rows = read_text(files, column_index, |row, _| row % step == 0)?;
        let mut samples: Vec<&[u8]> = (0..some_rows.len())
            .filter_map(|row| some_rows.get(row))
            .collect();
        samples.sort_unstable();
        let quantiles =
            (1..pass_count).filter_map(|pass| samples.get(samples.len() * pass / pass_count));
        starts.extend(quantiles.map(|text| Some(text.to_vec())));
        starts.dedup();
    }
    let ends = starts.clone().into_iter().chain([None]);
    let starts = std::iter::once(None).chain(starts);
    Ok(starts
        .zip(ends)
        .map(|(start, end)| TextRange { start, end })
        .collect())
}

/// A column of all files, whose rows are numbered through. Strings that `is_wanted` rejects are NULL instead.
fn read_column(
    files: &SourceFiles<'_>,
    column_index: usize,
    kind: ColumnType,
    is_wanted: impl Fn(usize, &[u8]) -> bool,
) -> Result<Column, ReadError> {
    let mut column = Column::new(kind);
    for SourceGroup { file, group, rows } in &files.groups {
        let first = rows.start;
        file.read_group(*group, column_index, &mut column, first, |row, text| {
            is_wanted(first + row, text)
        })?;
    }
    Ok(column)
}

/// A column of times of all files, in milliseconds since the epoch. It may end before the last row; further rows are NULL.
fn read_times(files: &SourceFiles<'_>, column_index: usize) -> Result<Vec<Option<i64>>, ReadError> {
    match read_column(files, column_index, ColumnType::Timestamp, |_, _| true)? {
        Column::Timestamp(times) => Ok(times),
        _ => unreachable!("a column is read as its type"),
    }
}

/// A column of strings of all files. Strings that `is_wanted` rejects are NULL instead.
fn read_text(
    files: &SourceFiles<'_>,
    column_index: usize,
    is_wanted: impl Fn(usize, &[u8]) -> bool,
) -> Result<TextColumn, ReadError> {
    match read_column(files, column_index, ColumnType::String, is_wanted)? {
        Column::Text(values) => Ok(values),
        _ => unreachable!("a column is read as its type"),
    }
}

/// The rank of each entry among the different entries, from `next_rank` on.
fn ranks(column: &TextColumn, next_rank: &mut u32) -> Vec<u32> {
    let count = u32::try_from(column.entry_count()).expect("entries are numbered by 32 bits");
    let skipped = common_prefix_len(column, count);
    let mut by_text: Vec<TextKey> = (0..count)
        .map(|code| TextKey::of(column, code, skipped))
        .collect();
    by_text.sort_unstable_by(|a, b| a.compare(b, column));
    let mut ranks = vec![0; by_text.len()];
    let mut before: Option<&TextKey> = None;
    for key in &by_text {
        if before.is_some_and(|before| before.compare(key, column).is_ne()) {
            *next_rank += 1;
        }
        ranks[key.code as usize] = *next_rank;
        before = Some(key);
    }
    *next_rank += u32::from(before.is_some());
    ranks
}

/// How many bytes all entries begin with. Ids have their letters in common.
fn common_prefix_len(column: &TextColumn, count: u32) -> usize {
    let mut codes = 0..count;
    let mut prefix = codes.next().map_or(&[][..], |first| column.entry(first));
    for code in codes {
        let text = column.entry(code);
        if !text.starts_with(prefix) {
            let len = prefix.iter().zip(text).take_while(|(a, b)| a == b).count();
            prefix = &prefix[..len];
        }
    }
    prefix.len()
}

/// A string by sixteen bytes, which mostly decide: looking the rest up takes longer than comparing.
struct TextKey {
    /// After what all strings begin with, filled up with zeros.
    start: u128,
    code: u32,
    /// The string's length, as far as it is told from others by `start`.
    len: u32,
}

impl TextKey {
    const START_BYTES: usize = size_of::<u128>();
    /// The length of all strings that are longer than `start`.
    const LONG: u32 = u32::MAX;

    fn of(column: &TextColumn, code: u32, skipped: usize) -> Self {
        let text = &column.entry(code)[skipped..];
        let mut start = [0; Self::START_BYTES];
        let len = text.len().min(Self::START_BYTES);
        start[..len].copy_from_slice(&text[..len]);
        Self {
            start: u128::from_be_bytes(start),
            code,
            len: match u32::try_from(text.len()) {
                Ok(len) if text.len() <= Self::START_BYTES => len,
                Ok(_) | Err(_) => Self::LONG,
            },
        }
    }

    fn compare(&self, other: &Self, column: &TextColumn) -> Ordering {
        // Of two strings that differ only in zeros at their end, the shorter one comes first.
        let decided = (self.start, self.len).cmp(&(other.start, other.len));
        if decided == Ordering::Equal && self.len == Self::LONG {
            column.entry(self.code).cmp(column.entry(other.code))
        } else {
            decided
        }
    }
}
