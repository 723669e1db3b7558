//! A raw object is gzip or plain. Its first two bytes say which.

use std::io::{self, BufRead, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

const MAGIC: [u8; 2] = [0x1f, 0x8b];
const MAGIC_LEN: u64 = MAGIC.len() as u64;

/// An object's bytes, expanded as they are read.
pub(crate) struct Expanded<'a> {
    bytes: Box<dyn Read + 'a>,
    is_gzip: bool,
}

impl<'a> Expanded<'a> {
    /// Looks at how `input` begins, in however small pieces it comes.
    pub(crate) fn open(mut input: impl BufRead + 'a) -> io::Result<Self> {
        let mut start = Vec::with_capacity(MAGIC.len());
        input.by_ref().take(MAGIC_LEN).read_to_end(&mut start)?;
        let is_gzip = start == MAGIC;
        let whole = Cursor::new(start).chain(input);
        Ok(Self {
            bytes: if is_gzip {
                Box::new(MultiGzDecoder::new(whole))
            } else {
                Box::new(whole)
            },
            is_gzip,
        })
    }

    /// Bytes that are expanded already, whatever they begin with.
    pub(crate) fn of_plain(bytes: Vec<u8>) -> Self {
        Self {
            bytes: Box::new(Cursor::new(bytes)),
            is_gzip: false,
        }
    }

    /// Whether an error of reading says that the object's gzip is damaged. Others are the reader's own.
    pub(crate) fn is_damage(&self, error: &io::Error) -> bool {
        self.is_gzip
            && matches!(
                error.kind(),
                ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof
            )
    }
}

impl Read for Expanded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Write as _};

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    #[test]
    fn gzip_is_known_by_its_first_bytes_however_few_come_at_once() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"{}").unwrap();
        let gzip = encoder.finish().unwrap();
        for object in [&gzip[..], b"{}"] {
            for piece_bytes in 1..4 {
                let pieces = BufReader::with_capacity(piece_bytes, object);
                let mut text = String::new();
                Expanded::open(pieces)
                    .unwrap()
                    .read_to_string(&mut text)
                    .unwrap();
                assert_eq!(text, "{}", "{piece_bytes}");
            }
        }
    }

    #[test]
    fn only_gzip_is_damaged() {
        let error = io::Error::from(ErrorKind::UnexpectedEof);

        let is_damage = |object: &[u8]| Expanded::open(object).unwrap().is_damage(&error);

        assert!(is_damage(b"\x1f\x8b"));
        assert!(!is_damage(b"\x1f"));
        assert!(!is_damage(b""));
    }
}
