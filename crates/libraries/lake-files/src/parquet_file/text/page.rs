//! Data pages of strings, and the dictionary that their indices point into.

use crate::columns::{NULL, TextColumn};

use super::{super::hybrid, bounds::Bounds};

/// Limits of a page: the number of rows, and the bytes of strings after which it ends soon. Large pages cost readers little and save
/// a header of 25 bytes each, which is most of the size of a sorted column.
const PAGE_ROWS: usize = 1 << 18;
const PAGE_BYTES: usize = 1 << 20;

/// A larger dictionary is not worth loading before the first row can be read. (With 1 MiB, the usual limit, the 50,000 pages of
/// a shop are written out in each row, at three times the size.)
const MAX_DICTIONARY_BYTES: usize = 4 << 20;

/// A data page that is being filled: whether each row has a value (1) or none (0), and the values.
#[derive(Default)]
pub(super) struct PageBuffer {
    levels: Vec<u32>,
    /// The values by their indices in the dictionary,
    indices: Vec<u32>,
    /// or their bytes.
    plain: Vec<u8>,
}

impl PageBuffer {
    /// The number of the page's rows that have no value.
    pub(super) fn null_count(&self) -> usize {
        self.levels.iter().filter(|level| **level == 0).count()
    }

    /// Takes the first of `rows`, which have no strings. Returns how many.
    pub(super) fn fill_nulls(&mut self, rows: &[u32]) -> usize {
        let row_count = rows.len().min(PAGE_ROWS);
        self.levels.clear();
        self.levels.resize(row_count, 0);
        self.plain.clear();
        row_count
    }

    /// Takes the first of `rows`, by their strings' indices in the dictionary. Returns how many.
    pub(super) fn fill_indices(
        &mut self,
        column: &TextColumn,
        rows: &[u32],
        dictionary: &Dictionary,
    ) -> usize {
        self.levels.clear();
        self.indices.clear();
        let row_count = rows.len().min(PAGE_ROWS);
        for row in &rows[..row_count] {
            let code = column.code(*row);
            self.levels.push(u32::from(code != NULL));
            if code != NULL {
                self.indices.push(dictionary.indices[code as usize]);
            }
        }
        row_count
    }

    /// Takes the first of `rows`, with their strings. Returns how many.
    pub(super) fn fill_plain(
        &mut self,
        column: &TextColumn,
        rows: &[u32],
        bounds: &mut Bounds,
    ) -> usize {
        /// The strings of this many rows are looked up before the first is read. They are anywhere in memory, and the processor
        /// waits for all of them at once.
        const ROWS_AT_ONCE: usize = 32;
        self.levels.clear();
        self.plain.clear();
        for block in rows[..rows.len().min(PAGE_ROWS)].chunks(ROWS_AT_ONCE) {
            let mut texts = [None; ROWS_AT_ONCE];
            for (text, row) in texts.iter_mut().zip(block) {
                *text = column.get(*row as usize);
            }
            for text in &texts[..block.len()] {
                self.levels.push(u32::from(text.is_some()));
                if let Some(text) = text {
                    push_plain(&mut self.plain, text);
                    bounds.widen(text);
                }
            }
            if self.plain.len() >= PAGE_BYTES {
                break;
            }
        }
        self.levels.len()
    }

    /// Appends the page: levels, then values, by indices of `width` bits or plain.
    pub(super) fn write(&self, width: Option<u8>, body: &mut Vec<u8>) {
        let start = body.len();
        body.extend_from_slice(&[0; 4]);
        hybrid::encode(&self.levels, 1, body);
        let levels_len = to_u32(body.len() - start - 4);
        body[start..start + 4].copy_from_slice(&levels_len.to_le_bytes());
        match width {
            Some(width) => {
                body.push(width);
                hybrid::encode(&self.indices, width, body);
            }
            None => body.extend_from_slice(&self.plain),
        }
    }
}

/// The entries that a chunk's rows use, in the order in which they first do.
#[derive(Default)]
pub(super) struct Dictionary {
    used: Vec<u32>,
    /// Each entry's index in `used`, or [`NULL`].
    indices: Vec<u32>,
}

impl Dictionary {
    pub(super) fn len(&self) -> usize {
        self.used.len()
    }

    /// The entries' codes in the column.
    pub(super) fn codes(&self) -> &[u32] {
        &self.used
    }

    /// The bits of an index.
    pub(super) fn index_width(&self) -> u8 {
        hybrid::width_of(self.used.len().saturating_sub(1))
    }

    /// Returns false when it would be too large.
    pub(super) fn build(&mut self, column: &TextColumn, rows: &[u32]) -> bool {
        self.used.clear();
        self.indices.clear();
        self.indices.resize(column.entry_count(), NULL);
        let mut size_bytes = 0;
        for row in rows {
            let code = column.code(*row);
            if code != NULL
                && let index @ &mut NULL = &mut self.indices[code as usize]
            {
                *index = to_u32(self.used.len());
                self.used.push(code);
                size_bytes += column.entry(code).len() + 4;
                if size_bytes > MAX_DICTIONARY_BYTES {
                    return false;
                }
            }
        }
        true
    }
}

pub(super) fn push_plain(body: &mut Vec<u8>, text: &[u8]) {
    body.extend_from_slice(&to_u32(text.len()).to_le_bytes());
    body.extend_from_slice(text);
}

pub(super) fn to_u32(number: usize) -> u32 {
    u32::try_from(number).expect("a page is far below 4 GiB")
}
