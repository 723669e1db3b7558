//! Recognises bytes that should be JSON and are not: compressed data, or text in another encoding.
//!
//! Every function that reads bodies or objects uses it, so that all describe such bytes in the same words. Only the
//! first bytes are read; nothing is decompressed.

use std::fmt;

/// The byte order mark that some programs write before UTF-8 text. It is not part of the text (RFC 8259, section 8.1).
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How many first bytes [`ByteForm::of`] reads. More do not change its result.
pub const LOOKED_AT_BYTES: usize = 64;

/// A form of bytes that must be decoded before they can be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteForm {
    /// RFC 1952. If one layer was decoded already, the bytes are compressed twice.
    Gzip,
    /// RFC 1950, which HTTP calls `deflate`.
    Zlib,
    /// RFC 8878.
    Zstandard,
    Bzip2,
    /// The `.xz` format of LZMA.
    Xz,
    /// The frame format, not single blocks, which have no magic number.
    Lz4,
    /// In frames, in the blocks of Hadoop and of xerial's library, or as a single block whose content begins with JSON.
    Snappy,
    Zip,
    SevenZip,
    Parquet,
    Avro,
    Orc,
    Utf16,
    Utf32,
}

/// Magic numbers. If one is the beginning of another, the longer one comes first.
const MARKS: [(&[u8], ByteForm); 20] = [
    (b"\x1f\x8b", ByteForm::Gzip),
    // The headers that zlib writes. `x^`, which it writes at other levels, might be text.
    (b"x\x01", ByteForm::Zlib),
    (b"x\x9c", ByteForm::Zlib),
    (b"x\xda", ByteForm::Zlib),
    (b"\x28\xb5\x2f\xfd", ByteForm::Zstandard),
    (b"BZh", ByteForm::Bzip2),
    (b"\xfd7zXZ\0", ByteForm::Xz),
    (b"\x04\x22\x4d\x18", ByteForm::Lz4),
    (b"\xff\x06\0\0sNaPpY", ByteForm::Snappy),
    (b"\x82SNAPPY\0", ByteForm::Snappy),
    (b"PK\x03\x04", ByteForm::Zip),
    (b"PK\x05\x06", ByteForm::Zip),
    (b"7z\xbc\xaf\x27\x1c", ByteForm::SevenZip),
    (b"PAR1", ByteForm::Parquet),
    (b"Obj\x01", ByteForm::Avro),
    (b"ORC", ByteForm::Orc),
    (b"\xff\xfe\0\0", ByteForm::Utf32),
    (b"\0\0\xfe\xff", ByteForm::Utf32),
    (b"\xff\xfe", ByteForm::Utf16),
    (b"\xfe\xff", ByteForm::Utf16),
];

impl ByteForm {
    /// The form of `bytes`, which must start at their first byte; `None` for possible JSON in UTF-8, and for unknown
    /// forms.
    ///
    /// Text that begins like JSON in UTF-8 is never another form, so no valid body can be mistaken.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let text = skip_byte_order_marks(bytes);
        if text
            .first()
            .is_some_and(|byte| b"{[\"-0123456789".contains(byte))
            && text.get(1) != Some(&0)
        {
            return None;
        }
        let marked = MARKS.iter().find(|(mark, _)| bytes.starts_with(mark));
        marked
            .map(|(_, form)| *form)
            .or_else(|| hadoop_snappy(bytes))
            .or_else(|| wide_text(bytes))
            .or_else(|| snappy_block(bytes))
    }

    /// As [`ByteForm::of`], for bytes that were decoded as UTF-8 lossily: invalid bytes have become U+FFFD.
    pub fn of_text(text: &str) -> Option<Self> {
        let marked = MARKS
            .iter()
            .find(|(mark, _)| text.starts_with(&*String::from_utf8_lossy(mark)));
        Self::of(text.as_bytes()).or_else(|| marked.map(|(_, form)| *form))
    }

    /// The usual name, for use in a reason.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zlib => "zlib (deflate)",
            Self::Zstandard => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Lz4 => "lz4",
            Self::Snappy => "snappy",
            Self::Zip => "zip",
            Self::SevenZip => "7-Zip",
            Self::Parquet => "Parquet",
            Self::Avro => "Avro",
            Self::Orc => "ORC",
            Self::Utf16 => "UTF-16",
            Self::Utf32 => "UTF-32",
        }
    }
}

impl fmt::Display for ByteForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The bytes after white space and byte order marks at the start. Concatenated files have a mark each, and an editor
/// may insert one after a line end.
pub fn skip_byte_order_marks(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    loop {
        let text = rest.trim_ascii_start();
        match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(after) => rest = after,
            None => return text,
        }
    }
}

/// Text with two or four bytes per character, without a byte order mark: JSON begins with ASCII, whose other bytes are
/// zero. Two characters must have this form, because truncated files may be padded with zeros.
fn wide_text(bytes: &[u8]) -> Option<ByteForm> {
    let is_start = |byte: &u8| b"{[\" \t\r\n-0123456789".contains(byte);
    match bytes {
        [0, 0, 0, start, 0, 0, 0, 1..=0x7f, ..] | [start, 0, 0, 0, 1..=0x7f, 0, 0, 0, ..]
            if is_start(start) =>
        {
            Some(ByteForm::Utf32)
        }
        [0, start, 0, 1..=0x7f, ..] | [start, 0, 1..=0x7f, 0, ..] if is_start(start) => {
            Some(ByteForm::Utf16)
        }
        _ => None,
    }
}

/// Blocks of `length expanded, length compressed`, four bytes each, the highest first, then a block of snappy.
fn hadoop_snappy(bytes: &[u8]) -> Option<ByteForm> {
    let (expanded, rest) = bytes.split_first_chunk::<4>()?;
    let (compressed, block) = rest.split_first_chunk::<4>()?;
    let (expanded, compressed) = (
        u32::from_be_bytes(*expanded),
        u32::from_be_bytes(*compressed),
    );
    let block = SnappyBlock::read(block)?;
    let is_plausible = compressed > 0
        && compressed <= expanded.saturating_add(expanded / 6 + 32)
        && (1..=expanded).contains(&block.expanded);
    is_plausible.then_some(ByteForm::Snappy)
}

/// A single block. Its header must not be text: `at {…}` would otherwise be taken for one.
fn snappy_block(bytes: &[u8]) -> Option<ByteForm> {
    let block = SnappyBlock::read(bytes)?;
    let is_text =
        std::str::from_utf8(block.header).is_ok_and(|header| !header.chars().any(char::is_control));
    (!is_text).then_some(ByteForm::Snappy)
}

/// The bytes before the first bytes of JSON in a block of snappy.
struct SnappyBlock<'a> {
    header: &'a [u8],
    /// The decompressed length.
    expanded: u32,
}

impl<'a> SnappyBlock<'a> {
    /// <https://github.com/google/snappy/blob/main/format_description.txt>: the decompressed length, seven bits per
    /// byte, the lowest first; then, as there is nothing to refer to yet, the first bytes as a literal with its length.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let last = bytes.iter().take(5).position(|byte| byte & 0x80 == 0)?;
        let length = bytes.get(..=last)?.iter().rev();
        let expanded = length.fold(0_u64, |sum, byte| sum << 7 | u64::from(byte & 0x7f));
        let tag = *bytes.get(last + 1)?;
        let extra = usize::from((tag >> 2).saturating_sub(59));
        let (header, literal) = bytes.split_at_checked(last + 2 + extra)?;
        let number = match header.get(last + 2..) {
            Some([]) | None => u64::from(tag >> 2),
            Some(extra) => extra
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        };
        let begins_as_json = literal.first().is_some_and(|byte| b"{[".contains(byte));
        let is_literal = tag.trailing_zeros() >= 2;
        (is_literal && begins_as_json && number < expanded).then_some(Self {
            header,
            expanded: u32::try_from(expanded).ok()?,
        })
    }
}

#[cfg(test)]
mod tests;
