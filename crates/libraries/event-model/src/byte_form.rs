//! What bytes are that should be JSON and are not: compressed, or text of another encoding.
//!
//! One place for every function that reads bodies or objects, so that each of them says of such bytes once what they are,
//! in the same words. Only the first bytes are looked at; nothing is expanded.

use std::fmt;

/// The mark that some programs put in front of text in UTF-8. It is no part of the text (RFC 8259, section 8.1).
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How many first bytes [`ByteForm::of`] looks at. More do not change its answer.
pub const LOOKED_AT_BYTES: usize = 64;

/// A form of bytes that holds JSON at best after something was undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteForm {
    /// RFC 1952. Where one layer was undone already, the bytes are compressed twice.
    Gzip,
    /// RFC 1950, which HTTP calls `deflate`.
    Zlib,
    /// RFC 8878.
    Zstandard,
    Bzip2,
    /// The `.xz` format of LZMA.
    Xz,
    /// The frame format, not single blocks, which have no mark.
    Lz4,
    /// In frames, in the blocks of Hadoop and of xerial's library, or as a single block that begins with JSON.
    Snappy,
    Zip,
    SevenZip,
    Parquet,
    Avro,
    Orc,
    Utf16,
    Utf32,
}

/// Marks at the very start. Of those that begin alike the longer one comes first.
const MARKS: [(&[u8], ByteForm); 20] = [
    (b"\x1f\x8b", ByteForm::Gzip),
    // The headers that zlib writes. `x^`, which it writes at other levels than these, might be text.
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
    /// What `bytes`, from their very start, are; `None` for what may be JSON in UTF-8, and for what nobody knows.
    ///
    /// Text that begins as JSON in UTF-8 does is never anything else, so that no body can be mistaken for one of these.
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

    /// As [`ByteForm::of`], for bytes that somebody on the way took for text: what is not UTF-8 became U+FFFD.
    pub fn of_text(text: &str) -> Option<Self> {
        let marked = MARKS
            .iter()
            .find(|(mark, _)| text.starts_with(&*String::from_utf8_lossy(mark)));
        Self::of(text.as_bytes()).or_else(|| marked.map(|(_, form)| *form))
    }

    /// The usual name, as a reason speaks of it.
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

/// What follows white space and byte order marks at the start of `bytes`. Files that were put together have a mark each,
/// and an editor may put one behind a line end.
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

/// Text of two or four bytes a character, without a mark: what JSON begins with is ASCII, whose other bytes are zero. Two
/// characters must be so, as files that were cut short may be filled up with zeros.
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

/// A block by itself. Its header must be no text: `at {…}` would pass for one otherwise.
fn snappy_block(bytes: &[u8]) -> Option<ByteForm> {
    let block = SnappyBlock::read(bytes)?;
    let is_text =
        std::str::from_utf8(block.header).is_ok_and(|header| !header.chars().any(char::is_control));
    (!is_text).then_some(ByteForm::Snappy)
}

/// What stands in front of the first bytes of JSON in a block of snappy.
struct SnappyBlock<'a> {
    header: &'a [u8],
    /// How long it is expanded.
    expanded: u32,
}

impl<'a> SnappyBlock<'a> {
    /// <https://github.com/google/snappy/blob/main/format_description.txt>: the length expanded, seven bits a byte, the
    /// lowest first; then, as nothing was seen before, the first bytes themselves, in front of which stands their number.
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms_are_known_by_their_first_bytes() {
        for (bytes, form) in [
            (&b"\x1f\x8b\x08\0"[..], ByteForm::Gzip),
            (b"\x78\x9c\xab", ByteForm::Zlib),
            (b"\x78\x01\xab", ByteForm::Zlib),
            (b"\x28\xb5\x2f\xfd\x20", ByteForm::Zstandard),
            (b"BZh91AY&SY", ByteForm::Bzip2),
            (b"\xfd7zXZ\0\0", ByteForm::Xz),
            (b"\x04\x22\x4d\x18\x64", ByteForm::Lz4),
            (b"\xff\x06\0\0sNaPpY\0", ByteForm::Snappy),
            (b"\x82SNAPPY\0\0\0", ByteForm::Snappy),
            (b"\xf0\x01\xc0{\"event\":\"x\",", ByteForm::Snappy),
            (b"\xe4\x5d\xf0\xff[{\"event\":\"x\",", ByteForm::Snappy),
            (
                b"\0\0\0\x20\0\0\0\x1e\x20\x70{\"event\":1}",
                ByteForm::Snappy,
            ),
            (b"PK\x03\x04\x14\0", ByteForm::Zip),
            (b"PAR1\x15", ByteForm::Parquet),
            (b"\xff\xfe{\0\"\0", ByteForm::Utf16),
            (b"\xfe\xff\0{\0\"", ByteForm::Utf16),
            (b"{\0\"\0a\0", ByteForm::Utf16),
            (b"\0[\0{", ByteForm::Utf16),
            (b"\xff\xfe\0\0{\0\0\0", ByteForm::Utf32),
            (b"{\0\0\0\"\0\0\0", ByteForm::Utf32),
        ] {
            assert_eq!(ByteForm::of(bytes), Some(form), "{bytes:?}");
        }
    }

    #[test]
    fn text_and_unknown_bytes_are_none_of_them() {
        for bytes in [
            &b""[..],
            b"{}",
            b"[1]",
            b" \n{}",
            b"\xef\xbb\xbf{}",
            b"\xef\xbb\xbf\n\xef\xbb\xbf[]",
            b"hello",
            b"x",
            b"id,name\n1,a",
            b"\0",
            b"\xff",
            b"at {\"a\":1}",
            b"\0\0\0{\"a\":1}",
            b"\0\0\0\0\0\0\0{\"a\":1}",
            b"hX{}",
            b"\xc3\xa9 {}",
        ] {
            assert_eq!(ByteForm::of(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn forms_are_known_after_they_were_taken_for_text() {
        for bytes in [
            &b"\x1f\x8b\x08\0\0\xfe"[..],
            b"PK\x03\x04\x14",
            b"\x28\xb5\x2f\xfd\x20",
            b"\xff\xfe{\0\"\0",
        ] {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(ByteForm::of_text(&text), ByteForm::of(bytes), "{text:?}");
        }
        for text in ["", "{}", "hello", "\u{fffd}"] {
            assert_eq!(ByteForm::of_text(text), None, "{text:?}");
        }
    }

    #[test]
    fn marks_are_skipped_wherever_white_space_may_be() {
        assert_eq!(
            skip_byte_order_marks(b"\xef\xbb\xbf \xef\xbb\xbf\r\n{"),
            b"{"
        );
        assert_eq!(skip_byte_order_marks(b"\xef\xbb{"), b"\xef\xbb{");
    }

    proptest! {
        #[test]
        fn text_that_begins_as_json_is_never_taken_for_something_else(
            lead in "[ \n]{0,3}",
            start in r#"[{\["0-9-]"#,
            rest in "[ -~]{0,80}",
        ) {
            let text = lead + &start + &rest;
            prop_assert_eq!(ByteForm::of(text.as_bytes()), None);
        }

        #[test]
        fn any_bytes_are_judged_by_the_first_of_them(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let start = &bytes[..bytes.len().min(LOOKED_AT_BYTES)];
            // White space and marks in front may be of any length; compressed bytes have none.
            prop_assume!(bytes.first().is_some_and(|byte| !byte.is_ascii_whitespace()));
            prop_assert_eq!(ByteForm::of(&bytes), ByteForm::of(start));
        }
    }
}
