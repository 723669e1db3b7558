//! Strings, each kept once while that pays.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::short::fast_eq;

/// The code of NULL.
pub(crate) const NULL: u32 = u32::MAX;

/// With fewer entries than this, a column is not judged.
/// Not too few: the first thousand of a few ten thousand URLs are nearly all new.
const FEWEST_TO_JUDGE: usize = 8 << 10;

/// A column of strings: each row holds the number of an entry, and equal strings share one. A column in which most
/// strings are new (ids, URLs) stops looking them up, as that costs more than it saves.
#[derive(Debug, Default)]
pub(crate) struct TextColumn {
    /// All entries, one after the other.
    bytes: Vec<u8>,
    /// Where each entry ends in `bytes`.
    ends: Vec<u32>,
    /// Each row's entry.
    codes: Vec<u32>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    is_mostly_new: bool,
}

impl TextColumn {
    /// A column of one row.
    pub(crate) fn of(text: &str) -> Self {
        let mut column = Self::default();
        column.push(text);
        column
    }

    pub(crate) fn len(&self) -> usize {
        self.codes.len()
    }

    /// Each row's entry, or [`NULL`].
    pub(crate) fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// A row's entry, or [`NULL`].
    pub(crate) fn code(&self, row: u32) -> u32 {
        self.codes.get(row as usize).copied().unwrap_or(NULL)
    }

    /// How many entries there are. Those of rows that were taken back count too.
    pub(crate) fn entry_count(&self) -> usize {
        self.ends.len()
    }

    /// Whether equal strings may have more than one entry.
    pub(crate) fn is_mostly_new(&self) -> bool {
        self.is_mostly_new
    }

    /// An entry's bytes, which are UTF-8.
    pub(crate) fn entry(&self, code: u32) -> &[u8] {
        entry(&self.bytes, &self.ends, code)
    }

    /// A row's string.
    pub(crate) fn get(&self, row: usize) -> Option<&[u8]> {
        let code = *self.codes.get(row)?;
        (code != NULL).then(|| self.entry(code))
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.bytes.len() + size_of::<u32>() * (self.ends.len() + self.codes.len())
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    /// The code of a string, which is added when it is new. For [`TextColumn::push_code`].
    pub(crate) fn code_of(&mut self, text: &str) -> u32 {
        self.find_or_add(text.as_bytes())
    }

    /// Appends a row by its string's code.
    pub(crate) fn push_code(&mut self, code: u32) {
        self.codes.push(code);
    }

    /// Appends bytes that are known to be UTF-8.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) {
        let last = self.codes.last().copied().unwrap_or(NULL);
        let code = if last != NULL && fast_eq(self.entry(last), bytes) {
            last
        } else if self.is_mostly_new {
            self.add_entry(bytes)
        } else {
            let code = self.find_or_add(bytes);
            self.is_mostly_new =
                self.ends.len() >= FEWEST_TO_JUDGE && self.ends.len() * 2 > self.codes.len();
            code
        };
        self.codes.push(code);
    }

    /// Appends `rows` of another column, in that order.
    pub(crate) fn append(&mut self, other: &Self, rows: &[u32]) {
        if other.is_mostly_new {
            self.is_mostly_new = true;
            for row in rows {
                match other.get(*row as usize) {
                    Some(text) => self.push_bytes(text),
                    None => self.push_null(),
                }
            }
            return;
        }
        // Each string is looked up once, however many rows have it.
        let mut codes = vec![NULL; other.entry_count()];
        for row in rows {
            let code = other.code(*row);
            if let Some(known) = codes.get_mut(code as usize) {
                if *known == NULL {
                    *known = self.find_or_add(other.entry(code));
                }
                self.codes.push(*known);
            } else {
                self.push_null();
            }
        }
    }

    /// Fills up with NULL to so many rows.
    pub(crate) fn pad(&mut self, rows: usize) {
        if self.codes.len() < rows {
            self.codes.resize(rows, NULL);
        }
    }

    pub(crate) fn push_null(&mut self) {
        self.codes.push(NULL);
    }

    /// Takes back the rows from `rows` on. Their entries stay: nothing points at them.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.codes.truncate(rows);
    }

    /// Forgets everything but what kind of column it is.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.codes.clear();
        self.index.clear();
    }

    fn find_or_add(&mut self, text: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(text);
        let is_it = |code: &u32| fast_eq(entry(&self.bytes, &self.ends, *code), text);
        if let Some(code) = self.index.find(hash, is_it) {
            return *code;
        }
        let code = self.add_entry(text);
        let (bytes, ends, hasher) = (&self.bytes, &self.ends, &self.hasher);
        self.index.insert_unique(hash, code, |code| {
            hasher.hash_one(entry(bytes, ends, *code))
        });
        code
    }

    fn add_entry(&mut self, text: &[u8]) -> u32 {
        self.bytes.extend_from_slice(text);
        let code = to_u32(self.ends.len());
        self.ends.push(to_u32(self.bytes.len()));
        code
    }
}

fn entry<'a>(bytes: &'a [u8], ends: &[u32], code: u32) -> &'a [u8] {
    let code = code as usize;
    let start = if code == 0 { 0 } else { ends[code - 1] };
    &bytes[start as usize..ends[code] as usize]
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).expect("rows are written out long before a column reaches 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(column: &TextColumn) -> Vec<Option<String>> {
        (0..column.len())
            .map(|row| {
                column
                    .get(row)
                    .map(|text| String::from_utf8(text.to_vec()).unwrap())
            })
            .collect()
    }

    #[test]
    fn equal_strings_share_an_entry() {
        let mut column = TextColumn::default();
        for text in ["a", "b", "a", "", "", "b"] {
            column.push(text);
        }
        column.push_null();

        assert_eq!(column.codes(), [0, 1, 0, 2, 2, 1, NULL]);
        assert_eq!(column.entry_count(), 3);
        assert_eq!(column.get(4), Some(&b""[..]));
        assert_eq!(column.get(6), None);
        assert!(!column.is_mostly_new());
    }

    #[test]
    fn column_of_new_strings_stops_looking_them_up_and_loses_none() {
        let mut column = TextColumn::default();
        let strings: Vec<String> = (0..50_000)
            .map(|number| format!("id-{}", number % 40_000))
            .collect();
        for text in &strings {
            column.push(text);
        }

        assert!(column.is_mostly_new());
        assert!(column.entry_count() > 40_000);
        assert_eq!(
            texts(&column),
            strings.into_iter().map(Some).collect::<Vec<_>>()
        );
    }

    #[test]
    fn rows_that_were_taken_back_leave_no_trace_in_the_others() {
        let mut column = TextColumn::default();
        column.push("kept");
        column.push("gone");
        column.truncate(1);
        column.push("new");
        column.push("gone");

        let expected = ["kept", "new", "gone"].map(|text| Some(text.to_owned()));
        assert_eq!(texts(&column), expected);
    }
}
