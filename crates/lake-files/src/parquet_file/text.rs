//! A column of strings as a Parquet column chunk.

use std::sync::Arc;

use bytes::Bytes;
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    column::{
        page::{CompressedPage, Page, PageWriter},
        writer::ColumnCloseResult,
    },
    data_type::ByteArray,
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, ColumnChunkMetaDataBuilder},
        statistics::Statistics,
        writer::{SerializedPageWriter, TrackedWrite},
    },
    schema::types::ColumnDescPtr,
};

use super::{chunk::EncodedChunk, hybrid};
use crate::{
    columns::{NULL, TextColumn},
    short::is_less,
};

/// A page ends with so many rows, or soon after so many bytes of strings. Large pages cost readers little and save a header of
/// 25 bytes each, which is most of what a sorted column takes.
const PAGE_ROWS: usize = 1 << 18;
const PAGE_BYTES: usize = 1 << 20;

/// A larger dictionary is not worth loading before the first row can be read. (With 1 MiB, the usual limit, the 50,000 pages of
/// a shop are written out in each row, at three times the size.)
const MAX_DICTIONARY_BYTES: usize = 4 << 20;

/// Statistics with longer strings would be longer than what they spare.
const MAX_STATISTIC_BYTES: usize = 64;

/// Writes column chunks of strings, keeping its memory from one to the next.
pub(super) struct TextEncoder {
    level: ZstdLevel,
    zstd: zstd::bulk::Compressor<'static>,
    dictionary: Dictionary,
    page: PageBuffer,
    /// A page as it is compressed.
    body: Vec<u8>,
}

/// A data page in its making: which rows have a value (1) or none (0), and the values.
#[derive(Default)]
struct PageBuffer {
    levels: Vec<u32>,
    /// By their places in the dictionary,
    indices: Vec<u32>,
    /// or one after the other.
    plain: Vec<u8>,
}

impl TextEncoder {
    pub(super) fn new(level: ZstdLevel) -> Result<Self, ParquetError> {
        Ok(Self {
            level,
            zstd: zstd::bulk::Compressor::new(level.compression_level())?,
            dictionary: Dictionary::default(),
            page: PageBuffer::default(),
            body: Vec::new(),
        })
    }

    /// The chunk of `rows` of `column`, ready to be appended to a row group.
    pub(super) fn encode(
        &mut self,
        column: &TextColumn,
        rows: &[u32],
        description: &ColumnDescPtr,
    ) -> Result<EncodedChunk, ParquetError> {
        let mut chunk = Chunk::default();
        let mut bounds = Bounds::default();
        let is_empty = column.len() == 0;
        let has_dictionary =
            !is_empty && !column.is_mostly_new() && self.dictionary.build(column, rows);
        if has_dictionary {
            self.body.clear();
            for code in &self.dictionary.used {
                let text = column.entry(*code);
                bounds.widen(text);
                push_plain(&mut self.body, text);
            }
            chunk.write(&mut self.zstd, &self.body, |buf| Page::DictionaryPage {
                buf,
                num_values: to_u32(self.dictionary.used.len()),
                encoding: Encoding::PLAIN,
                is_sorted: false,
            })?;
        }

        let mut rest = rows;
        let mut null_count = 0;
        while !rest.is_empty() {
            let row_count = if is_empty {
                self.page.fill_nulls(rest)
            } else if has_dictionary {
                self.page.fill_indices(column, rest, &self.dictionary)
            } else {
                self.page.fill_plain(column, rest, &mut bounds)
            };
            rest = &rest[row_count..];
            null_count += self.page.levels.iter().filter(|level| **level == 0).count();
            self.body.clear();
            let width = has_dictionary
                .then(|| hybrid::width_of(self.dictionary.used.len().saturating_sub(1)));
            self.page.write(width, &mut self.body);
            chunk.write(&mut self.zstd, &self.body, |buf| Page::DataPage {
                buf,
                num_values: to_u32(row_count),
                encoding: if has_dictionary {
                    Encoding::RLE_DICTIONARY
                } else {
                    Encoding::PLAIN
                },
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            })?;
        }

        let builder = ColumnChunkMetaData::builder(Arc::clone(description))
            .set_compression(Compression::ZSTD(self.level))
            .set_num_values(to_i64(rows.len()))
            .set_statistics(bounds.statistics(to_u64(null_count)));
        chunk.close(builder, has_dictionary, rows.len())
    }
}

impl PageBuffer {
    /// Takes the first of `rows`, which have no strings. Returns how many.
    fn fill_nulls(&mut self, rows: &[u32]) -> usize {
        let row_count = rows.len().min(PAGE_ROWS);
        self.levels.clear();
        self.levels.resize(row_count, 0);
        self.plain.clear();
        row_count
    }

    /// Takes the first of `rows`, by their strings' places in the dictionary. Returns how many.
    fn fill_indices(
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
                self.indices.push(dictionary.places[code as usize]);
            }
        }
        row_count
    }

    /// Takes the first of `rows`, with their strings. Returns how many.
    fn fill_plain(&mut self, column: &TextColumn, rows: &[u32], bounds: &mut Bounds) -> usize {
        /// The strings of so many rows are looked up before the first is read: they lie anywhere in memory, and so the
        /// processor waits for them all at once.
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
    fn write(&self, width: Option<u8>, body: &mut Vec<u8>) {
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
struct Dictionary {
    used: Vec<u32>,
    /// Each entry's place in `used`, or [`NULL`].
    places: Vec<u32>,
}

impl Dictionary {
    /// False when it gets too large to be worth it.
    fn build(&mut self, column: &TextColumn, rows: &[u32]) -> bool {
        self.used.clear();
        self.places.clear();
        self.places.resize(column.entry_count(), NULL);
        let mut size_bytes = 0;
        for row in rows {
            let code = column.code(*row);
            if code != NULL
                && let place @ &mut NULL = &mut self.places[code as usize]
            {
                *place = to_u32(self.used.len());
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

/// The least and the greatest of some strings.
#[derive(Default)]
struct Bounds(Option<(Vec<u8>, Vec<u8>)>);

impl Bounds {
    fn widen(&mut self, text: &[u8]) {
        match &mut self.0 {
            None => self.0 = Some((text.to_vec(), text.to_vec())),
            Some((min, max)) => {
                let replaced = if is_less(text, min) {
                    min
                } else if is_less(max, text) {
                    max
                } else {
                    return;
                };
                replaced.clear();
                replaced.extend_from_slice(text);
            }
        }
    }

    fn statistics(self, null_count: u64) -> Statistics {
        let short = self
            .0
            .filter(|(min, max)| min.len().max(max.len()) <= MAX_STATISTIC_BYTES);
        let (min, max) = short
            .map(|(min, max)| (ByteArray::from(min), ByteArray::from(max)))
            .unzip();
        Statistics::byte_array(min, max, None, Some(null_count), false)
    }
}

/// A column chunk on its way out.
struct Chunk {
    sink: TrackedWrite<Vec<u8>>,
    uncompressed_bytes: usize,
    /// Where the first data page begins.
    data_offset: Option<u64>,
}

impl Default for Chunk {
    fn default() -> Self {
        Self {
            sink: TrackedWrite::new(Vec::new()),
            uncompressed_bytes: 0,
            data_offset: None,
        }
    }
}

impl Chunk {
    fn write(
        &mut self,
        zstd: &mut zstd::bulk::Compressor<'static>,
        body: &[u8],
        to_page: impl FnOnce(Bytes) -> Page,
    ) -> Result<(), ParquetError> {
        let page = CompressedPage::new(to_page(zstd.compress(body)?.into()), body.len());
        let is_data = page.compressed_page().is_data_page();
        let written = SerializedPageWriter::new(&mut self.sink).write_page(page)?;
        self.uncompressed_bytes += written.uncompressed_size;
        if is_data {
            self.data_offset.get_or_insert(written.offset);
        }
        Ok(())
    }

    fn close(
        self,
        builder: ColumnChunkMetaDataBuilder,
        has_dictionary: bool,
        row_count: usize,
    ) -> Result<EncodedChunk, ParquetError> {
        let encodings = if has_dictionary {
            vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY]
        } else {
            vec![Encoding::PLAIN, Encoding::RLE]
        };
        let bytes = Bytes::from(self.sink.into_inner()?);
        let metadata = builder
            .set_encodings(encodings)
            .set_total_compressed_size(to_i64(bytes.len()))
            .set_total_uncompressed_size(to_i64(self.uncompressed_bytes))
            .set_data_page_offset(self.data_offset.map_or(0, u64::cast_signed))
            .set_dictionary_page_offset(has_dictionary.then_some(0))
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: to_u64(bytes.len()),
            rows_written: to_u64(row_count),
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok(EncodedChunk { bytes, close })
    }
}

fn push_plain(body: &mut Vec<u8>, text: &[u8]) {
    body.extend_from_slice(&to_u32(text.len()).to_le_bytes());
    body.extend_from_slice(text);
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).expect("a page is far below 4 GiB")
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).expect("no length has more than 64 bits")
}

fn to_i64(number: usize) -> i64 {
    i64::try_from(number).expect("no length in memory has 64 bits")
}
