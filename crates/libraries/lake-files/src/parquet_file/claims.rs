//! What a file says of itself, compared with its bytes before anything is allocated by it.
//!
//! A file that was truncated, damaged or written by another program may claim any number of rows and any size of a page. A reader
//! that believes it ends the process, and with it the work on all other files.

use bytes::Bytes;
use parquet::{
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, ParquetMetaData},
        reader::ChunkReader,
    },
};

use super::{ReadError, thrift::Cursor};

const MAGIC: &[u8] = b"PAR1";
/// The magic number at the start; and at the end the footer's length before it.
const FRAME_BYTES: u64 = 12;
const TAIL_BYTES: usize = 8;
/// A compacted day of a hundred row groups and forty columns takes a fourth of it.
const MAX_FOOTER_BYTES: usize = 4 << 20;
/// A page of the lake's files ends soon after its first MiB, and one string is much smaller than this.
const MAX_PAGE_BYTES: i64 = 256 << 20;
/// Page headers of the lake's files take some 25 bytes; with statistics of their own, a few hundred.
const HEADER_BYTES: [usize; 2] = [128, 16 << 10];

/// Checks the frame, and that no list of the footer is longer than its bytes.
pub(super) fn check_footer(file: &impl ChunkReader) -> Result<(), ReadError> {
    let len = file.len();
    if len == 0 {
        return Err(ReadError::NotParquet { what: "is empty" });
    }
    let too_short = ReadError::NotParquet {
        what: "is shorter than any Parquet file",
    };
    if len < FRAME_BYTES {
        return Err(too_short);
    }
    let tail = file.get_bytes(len - 8, TAIL_BYTES)?;
    let (length, magic) = tail.split_first_chunk().ok_or(too_short)?;
    if magic != MAGIC {
        return Err(ReadError::NotParquet {
            what: "does not end like Parquet: it is truncated, or of another format",
        });
    }
    let footer_len = u32::from_le_bytes(*length);
    let footer_bytes = usize::try_from(footer_len).unwrap_or(usize::MAX);
    if u64::from(footer_len) > len - FRAME_BYTES || footer_bytes > MAX_FOOTER_BYTES {
        return Err(damaged(&format!("a footer of {footer_len} bytes")));
    }
    let footer = file.get_bytes(len - 8 - u64::from(footer_len), footer_bytes)?;
    check_file_metadata(&footer).ok_or_else(|| damaged("a footer that contradicts its length"))
}

/// `FileMetaData`: lists within their bytes, and in the schema no group of more columns than there are.
fn check_file_metadata(footer: &[u8]) -> Option<()> {
    const SCHEMA: i64 = 2;
    const NUM_CHILDREN: i64 = 5;
    let mut cursor = Cursor::new(footer);
    let mut last = None;
    loop {
        let field = cursor.field(last)?;
        if field.is_end() {
            break;
        }
        if field.id == SCHEMA {
            let count = cursor.structs(field)?;
            for _ in 0..count {
                let mut last = None;
                loop {
                    let field = cursor.field(last)?;
                    if field.is_end() {
                        break;
                    }
                    if field.id == NUM_CHILDREN {
                        let children = usize::try_from(cursor.integer(field)?).ok()?;
                        (children < count).then_some(())?;
                    } else {
                        cursor.skip(field)?;
                    }
                    last = Some(field);
                }
            }
        } else {
            cursor.skip(field)?;
        }
        last = Some(field);
    }
    Some(())
}

/// Checks that each column of each row group has as many values as the group has rows, in pages that fit the memory.
pub(super) fn check_pages(
    file: &impl ChunkReader,
    metadata: &ParquetMetaData,
) -> Result<(), ReadError> {
    for group in metadata.row_groups() {
        for column in group.columns() {
            check_chunk(file, column, group.num_rows())?;
        }
    }
    Ok(())
}

fn check_chunk(
    file: &impl ChunkReader,
    column: &ColumnChunkMetaData,
    row_count: i64,
) -> Result<(), ReadError> {
    let name = column.column_descr().name();
    let dictionary = column.dictionary_page_offset().filter(|offset| *offset > 0);
    let start = u64::try_from(dictionary.unwrap_or(column.data_page_offset())).ok();
    let len = u64::try_from(column.compressed_size()).ok();
    let end = start
        .zip(len)
        .and_then(|(start, len)| start.checked_add(len));
    let (mut offset, end) = start
        .zip(end)
        .filter(|(_, end)| *end <= file.len())
        .ok_or_else(|| damaged(&format!("column {name} outside of the file")))?;
    let mut value_count = 0;
    while offset < end {
        let header = read_header(file, offset, end)?;
        let body_start = offset + header.len;
        let fits = |bytes: i64| u64::try_from(bytes).is_ok_and(|bytes| bytes <= end - body_start);
        if body_start > end || !fits(header.compressed_bytes) {
            return Err(damaged(&format!("a page beyond column {name}")));
        }
        if !(0..=MAX_PAGE_BYTES).contains(&header.uncompressed_bytes) {
            return Err(ReadError::PageTooLarge {
                column: name.to_owned(),
                size_bytes: header.uncompressed_bytes,
                limit: MAX_PAGE_BYTES,
            });
        }
        match header.values {
            Values::Rows(count) if count >= 0 => value_count += count,
            Values::Entries(count) if (0..=header.uncompressed_bytes).contains(&count) => {}
            Values::None => {}
            Values::Rows(_) | Values::Entries(_) => {
                return Err(damaged(&format!("a page of column {name} without values")));
            }
        }
        offset = body_start + u64::try_from(header.compressed_bytes).unwrap_or(0);
    }
    if value_count == row_count {
        Ok(())
    } else {
        Err(damaged(&format!(
            "{value_count} values of column {name} in {row_count} rows"
        )))
    }
}

/// What a page says of itself.
#[derive(Clone, Copy, Debug)]
struct PageHeader {
    /// Bytes of the header itself.
    len: u64,
    compressed_bytes: i64,
    uncompressed_bytes: i64,
    values: Values,
}

#[derive(Clone, Copy, Debug)]
enum Values {
    /// A data page's, NULL included.
    Rows(i64),
    /// A dictionary's.
    Entries(i64),
    /// Of another page, which readers pass over.
    None,
}

fn read_header(file: &impl ChunkReader, offset: u64, end: u64) -> Result<PageHeader, ReadError> {
    for bytes in HEADER_BYTES {
        let bytes = usize::try_from(end - offset).map_or(bytes, |rest| rest.min(bytes));
        let bytes: Bytes = file.get_bytes(offset, bytes)?;
        if let Some(header) = parse_header(&bytes) {
            return Ok(header);
        }
    }
    Err(damaged("a page without a header"))
}

/// `PageHeader` of <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>.
fn parse_header(bytes: &[u8]) -> Option<PageHeader> {
    const UNCOMPRESSED: i64 = 2;
    const COMPRESSED: i64 = 3;
    const DATA: i64 = 5;
    const DICTIONARY: i64 = 7;
    const DATA_V2: i64 = 8;
    let mut cursor = Cursor::new(bytes);
    let (mut uncompressed, mut compressed, mut values) = (None, None, Values::None);
    let mut last = None;
    loop {
        let field = cursor.field(last)?;
        if field.is_end() {
            break;
        }
        match field.id {
            UNCOMPRESSED => uncompressed = Some(cursor.integer(field)?),
            COMPRESSED => compressed = Some(cursor.integer(field)?),
            DATA | DATA_V2 if Cursor::is_struct(field) => {
                values = Values::Rows(value_count(&mut cursor)?);
            }
            DICTIONARY if Cursor::is_struct(field) => {
                values = Values::Entries(value_count(&mut cursor)?);
            }
            _ => cursor.skip(field)?,
        }
        last = Some(field);
    }
    Some(PageHeader {
        len: u64::try_from(bytes.len() - cursor.remaining()).ok()?,
        compressed_bytes: compressed?,
        uncompressed_bytes: uncompressed?,
        values,
    })
}

/// The first field of each of the three headers.
fn value_count(cursor: &mut Cursor<'_>) -> Option<i64> {
    const NUM_VALUES: i64 = 1;
    let first = cursor.field(None)?;
    if first.id != NUM_VALUES {
        return None;
    }
    let count = cursor.integer(first)?;
    let mut last = Some(first);
    loop {
        let field = cursor.field(last)?;
        if field.is_end() {
            break;
        }
        cursor.skip(field)?;
        last = Some(field);
    }
    Some(count)
}

fn damaged(what: &str) -> ReadError {
    ReadError::Parquet(ParquetError::General(what.to_owned()))
}
