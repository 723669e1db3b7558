//! A column of strings as a Parquet column chunk.

mod bounds;
mod page;

use std::sync::Arc;

use bytes::Bytes;
use parquet::{
    basic::{Compression, Encoding, PageType, ZstdLevel},
    column::{
        page::{CompressedPage, Page, PageWriter},
        writer::ColumnCloseResult,
    },
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, ColumnChunkMetaDataBuilder, PageEncodingStats},
        writer::{SerializedPageWriter, TrackedWrite},
    },
    schema::types::ColumnDescPtr,
};

use self::{
    bounds::Bounds,
    page::{Dictionary, PageBuffer, push_plain, to_u32},
};
use super::encoded::EncodedChunk;
use crate::columns::TextColumn;

/// Writes column chunks of strings, reusing its buffers.
pub(super) struct TextEncoder {
    level: ZstdLevel,
    zstd: zstd::bulk::Compressor<'static>,
    dictionary: Dictionary,
    page: PageBuffer,
    /// A page before it is compressed.
    body: Vec<u8>,
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
            for code in self.dictionary.codes() {
                let text = column.entry(*code);
                bounds.widen(text);
                push_plain(&mut self.body, text);
            }
            chunk.write(&mut self.zstd, &self.body, |buf| Page::DictionaryPage {
                buf,
                num_values: to_u32(self.dictionary.len()),
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
            null_count += self.page.null_count();
            self.body.clear();
            let width = has_dictionary.then(|| self.dictionary.index_width());
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

/// A column chunk that is being written.
struct Chunk {
    sink: TrackedWrite<Vec<u8>>,
    uncompressed_bytes: usize,
    /// The offset of the first data page.
    data_offset: Option<u64>,
    /// The number of pages of each kind, the dictionary first. Readers that know from it that every value is in the dictionary can skip
    /// the chunk by looking only there.
    pages: Vec<PageEncodingStats>,
}

impl Default for Chunk {
    fn default() -> Self {
        Self {
            sink: TrackedWrite::new(Vec::new()),
            uncompressed_bytes: 0,
            data_offset: None,
            pages: Vec::new(),
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
        self.count(page.page_type(), page.encoding());
        let written = SerializedPageWriter::new(&mut self.sink).write_page(page)?;
        self.uncompressed_bytes += written.uncompressed_size;
        if is_data {
            self.data_offset.get_or_insert(written.offset);
        }
        Ok(())
    }

    fn count(&mut self, page_type: PageType, encoding: Encoding) {
        let is_it = |pages: &&mut PageEncodingStats| {
            pages.page_type == page_type && pages.encoding == encoding
        };
        match self.pages.iter_mut().find(is_it) {
            Some(pages) => pages.count += 1,
            None => self.pages.push(PageEncodingStats {
                page_type,
                encoding,
                count: 1,
            }),
        }
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
            .set_page_encoding_stats(self.pages)
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

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).expect("no length has more than 64 bits")
}

fn to_i64(number: usize) -> i64 {
    i64::try_from(number).expect("no length in memory has 64 bits")
}
