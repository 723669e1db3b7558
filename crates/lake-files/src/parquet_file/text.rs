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

use super::hybrid;
use crate::columns::{NULL, TextColumn};

/// A page ends with so many rows, or with so many bytes of strings. Large pages cost readers little and save a header of
/// 25 bytes each, which is most of what a sorted column takes.
const PAGE_ROWS: usize = 1 << 18;
const PAGE_BYTES: usize = 1 << 20;

/// A larger dictionary is not worth loading before the first row can be read.
const MAX_DICTIONARY_BYTES: usize = 1 << 20;

/// Statistics with longer strings would be longer than what they spare.
const MAX_STATISTIC_BYTES: usize = 64;

/// Writes column chunks of strings, keeping its memory from one to the next.
pub(super) struct TextEncoder {
    level: ZstdLevel,
    zstd: zstd::bulk::Compressor<'static>,
    dictionary: Dictionary,
    /// The page: which rows have a value (1) or none (0), the values' places in the dictionary, and the bytes of it all.
    levels: Vec<u32>,
    indices: Vec<u32>,
    body: Vec<u8>,
}

impl TextEncoder {
    pub(super) fn new(level: ZstdLevel) -> Result<Self, ParquetError> {
        Ok(Self {
            level,
            zstd: zstd::bulk::Compressor::new(level.compression_level())?,
            dictionary: Dictionary::default(),
            levels: Vec::new(),
            indices: Vec::new(),
            body: Vec::new(),
        })
    }

    /// The chunk of `rows` of `column`, ready to be appended to a row group.
    pub(super) fn encode(
        &mut self,
        column: &TextColumn,
        rows: &[u32],
        description: &ColumnDescPtr,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        self.dictionary.build(column, rows);
        let has_dictionary = self.dictionary.is_worth_it(column);
        let mut chunk = Chunk::default();

        if has_dictionary {
            self.body.clear();
            for code in &self.dictionary.used {
                push_plain(&mut self.body, column.entry(*code));
            }
            chunk.write(&mut self.zstd, &self.body, |buf| Page::DictionaryPage {
                buf,
                num_values: to_u32(self.dictionary.used.len()),
                encoding: Encoding::PLAIN,
                is_sorted: false,
            })?;
        }
        let mut rest = rows;
        while !rest.is_empty() {
            let page;
            (page, rest) = rest.split_at(page_len(column, rest, has_dictionary));
            self.fill_page(column, page, has_dictionary);
            chunk.write(&mut self.zstd, &self.body, |buf| Page::DataPage {
                buf,
                num_values: to_u32(page.len()),
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
            .set_statistics(self.dictionary.statistics(column));
        chunk.close(builder, has_dictionary, rows.len())
    }

    /// Fills `body` with a data page: whether each row has a value, then the values.
    fn fill_page(&mut self, column: &TextColumn, rows: &[u32], has_dictionary: bool) {
        let codes = column.codes();
        let code_of = |row: &u32| codes[*row as usize];
        self.levels.clear();
        self.levels
            .extend(rows.iter().map(|row| u32::from(code_of(row) != NULL)));
        self.body.clear();
        self.body.extend_from_slice(&[0; 4]);
        hybrid::encode(&self.levels, 1, &mut self.body);
        let levels_len = to_u32(self.body.len() - 4);
        self.body[..4].copy_from_slice(&levels_len.to_le_bytes());

        let values = rows.iter().map(code_of).filter(|code| *code != NULL);
        if has_dictionary {
            self.indices.clear();
            self.indices
                .extend(values.map(|code| self.dictionary.places[code as usize]));
            let width = hybrid::width_of(self.dictionary.used.len().saturating_sub(1));
            self.body.push(width);
            hybrid::encode(&self.indices, width, &mut self.body);
        } else {
            for code in values {
                push_plain(&mut self.body, column.entry(code));
            }
        }
    }
}

/// The entries that a chunk's rows use, in the order in which they first do.
#[derive(Default)]
struct Dictionary {
    used: Vec<u32>,
    /// Each entry's place in `used`, or [`NULL`].
    places: Vec<u32>,
    null_count: u64,
}

impl Dictionary {
    fn build(&mut self, column: &TextColumn, rows: &[u32]) {
        self.used.clear();
        self.places.clear();
        self.places.resize(column.entry_count(), NULL);
        self.null_count = 0;
        let codes = column.codes();
        for row in rows {
            let code = codes[*row as usize];
            if code == NULL {
                self.null_count += 1;
            } else if let place @ &mut NULL = &mut self.places[code as usize] {
                *place = to_u32(self.used.len());
                self.used.push(code);
            }
        }
    }

    fn is_worth_it(&self, column: &TextColumn) -> bool {
        let bytes = || {
            self.used
                .iter()
                .map(|code| column.entry(*code).len() + 4)
                .sum::<usize>()
        };
        !column.is_mostly_new() && bytes() <= MAX_DICTIONARY_BYTES
    }

    fn statistics(&self, column: &TextColumn) -> Statistics {
        let entries = || self.used.iter().map(|code| column.entry(*code));
        let bound = |bytes: Option<&[u8]>| bytes.map(|bytes| ByteArray::from(bytes.to_vec()));
        let (min, max) = (entries().min(), entries().max());
        let is_short = [min, max]
            .iter()
            .flatten()
            .all(|bytes| bytes.len() <= MAX_STATISTIC_BYTES);
        let (min, max) = if is_short {
            (bound(min), bound(max))
        } else {
            (None, None)
        };
        Statistics::byte_array(min, max, None, Some(self.null_count), false)
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
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
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
        Ok((bytes, close))
    }
}

/// How many of `rows` the next page takes.
fn page_len(column: &TextColumn, rows: &[u32], has_dictionary: bool) -> usize {
    let most = rows.len().min(PAGE_ROWS);
    if has_dictionary {
        return most;
    }
    let mut bytes = 0;
    let fits = |row: &&u32| {
        bytes += column.get(**row as usize).map_or(0, |text| text.len() + 4);
        bytes <= PAGE_BYTES
    };
    rows.iter().take(most).take_while(fits).count().max(1)
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
