//! A column chunk of strings, read page by page, without making a string of each value.

use std::ops::Range;

use bytes::Bytes;
use parquet::{
    basic::Encoding,
    column::page::{Page, PageReader},
    errors::ParquetError,
};

use super::hybrid;
use crate::columns::TextColumn;

/// Appends the values of `pages` to `column`. Values that `is_wanted` rejects, by their index in the chunk, become NULL, so that rows
/// keep their indices. Returns the number of rows.
pub(super) fn read_text(
    mut pages: Box<dyn PageReader>,
    column: &mut TextColumn,
    is_wanted: impl Fn(usize, &[u8]) -> bool,
) -> Result<usize, ParquetError> {
    let mut dictionary = Dictionary::default();
    let mut levels = Vec::new();
    let mut rows = 0;
    while let Some(page) = pages.get_next_page()? {
        match page {
            Page::DictionaryPage {
                buf, num_values, ..
            } => dictionary = Dictionary::read(buf, num_values)?,
            Page::DataPage {
                buf,
                num_values,
                encoding,
                ..
            } => {
                let count = to_usize(num_values);
                levels.clear();
                let values = read_levels(&buf, count, &mut levels)?;
                let is_wanted = |row: usize, text: &[u8]| is_wanted(rows + row, text);
                match encoding {
                    Encoding::PLAIN => read_plain(values, &levels, column, is_wanted)?,
                    Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => {
                        dictionary.read_page(values, &levels, column, is_wanted)?;
                    }
                    other => return Err(unexpected(&format!("strings encoded as {other}"))),
                }
                rows += count;
            }
            Page::DataPageV2 { .. } => return Err(unexpected("a page of version 2")),
        }
    }
    Ok(rows)
}

/// Reads whether each row has a value (1) or none (0), and returns the rest of the page.
fn read_levels<'a>(
    page: &'a [u8],
    count: usize,
    levels: &mut Vec<u32>,
) -> Result<&'a [u8], ParquetError> {
    let (levels_len, rest) = split_u32(page)?;
    let (encoded, values) = rest
        .split_at_checked(to_usize(levels_len))
        .ok_or_else(|| unexpected("a page that ends in its levels"))?;
    hybrid::decode(encoded, 1, count, levels)
        .ok_or_else(|| unexpected("levels that end before the page does"))?;
    Ok(values)
}

fn read_plain(
    mut values: &[u8],
    levels: &[u32],
    column: &mut TextColumn,
    is_wanted: impl Fn(usize, &[u8]) -> bool,
) -> Result<(), ParquetError> {
    for (row, level) in levels.iter().enumerate() {
        if *level == 0 {
            column.push_null();
            continue;
        }
        let text;
        (text, values) = split_text(values)?;
        if is_wanted(row, text) {
            column.push(to_str(text)?);
        } else {
            column.push_null();
        }
    }
    Ok(())
}

/// The strings of a chunk that rows refer to.
#[derive(Default)]
struct Dictionary {
    bytes: Bytes,
    entries: Vec<Entry>,
    indices: Vec<u32>,
}

struct Entry {
    /// Its range in the dictionary's bytes.
    range: Range<usize>,
    /// Its code in the column, from the first row that has it.
    code: Option<u32>,
}

impl Dictionary {
    fn read(bytes: Bytes, count: u32) -> Result<Self, ParquetError> {
        let mut entries = Vec::with_capacity(to_usize(count));
        let mut rest = &bytes[..];
        for _ in 0..count {
            let text;
            (text, rest) = split_text(rest)?;
            let end = bytes.len() - rest.len();
            entries.push(Entry {
                range: end - text.len()..end,
                code: None,
            });
        }
        Ok(Self {
            entries,
            indices: Vec::new(),
            bytes,
        })
    }

    fn read_page(
        &mut self,
        values: &[u8],
        levels: &[u32],
        column: &mut TextColumn,
        is_wanted: impl Fn(usize, &[u8]) -> bool,
    ) -> Result<(), ParquetError> {
        let count = levels.iter().filter(|level| **level != 0).count();
        self.indices.clear();
        if count > 0 {
            let (width, encoded) = values
                .split_first()
                .filter(|(width, _)| **width <= 32)
                .ok_or_else(|| unexpected("a page without indices"))?;
            hybrid::decode(encoded, *width, count, &mut self.indices)
                .ok_or_else(|| unexpected("indices that end before the page does"))?;
        }
        let mut indices = self.indices.iter();
        for (row, level) in levels.iter().enumerate() {
            let index = if *level == 0 { None } else { indices.next() };
            let Some(index) = index else {
                column.push_null();
                continue;
            };
            let entry = self
                .entries
                .get_mut(to_usize(*index))
                .ok_or_else(|| unexpected("an index beyond the dictionary"))?;
            let text = &self.bytes[entry.range.clone()];
            if is_wanted(row, text) {
                let code = match entry.code {
                    Some(code) => code,
                    None => column.code_of(to_str(text)?),
                };
                entry.code = Some(code);
                column.push_code(code);
            } else {
                column.push_null();
            }
        }
        Ok(())
    }
}

fn split_text(bytes: &[u8]) -> Result<(&[u8], &[u8]), ParquetError> {
    let (len, rest) = split_u32(bytes)?;
    rest.split_at_checked(to_usize(len))
        .ok_or_else(|| unexpected("a page that ends in a string"))
}

fn split_u32(bytes: &[u8]) -> Result<(u32, &[u8]), ParquetError> {
    let (number, rest) = bytes
        .split_first_chunk()
        .ok_or_else(|| unexpected("a page that ends in a length"))?;
    Ok((u32::from_le_bytes(*number), rest))
}

fn to_str(text: &[u8]) -> Result<&str, ParquetError> {
    std::str::from_utf8(text).map_err(|error| ParquetError::External(error.into()))
}

fn unexpected(what: &str) -> ParquetError {
    ParquetError::General(format!("{what}, which no file of the lake has"))
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).expect("an address has 32 bits and more")
}
