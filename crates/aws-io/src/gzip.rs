//! Gzip, with a bound on what it may expand to.

use std::io::{self, Read, Write};

use flate2::{Compression, GzBuilder, read::MultiGzDecoder};

/// What one batch may expand to, for the function that archives it and for the one that loads it: 32 MiB, more than
/// 20,000 email events, and small enough to be held and worked on in 256 MB.
pub const MAX_BATCH_BYTES: usize = 32 << 20;

/// Deflate cannot expand more than this (<https://zlib.net/zlib_tech.html>).
const MAX_RATIO: usize = 1032;

/// Bytes that cannot be expanded.
#[derive(Debug, thiserror::Error)]
pub enum GunzipError {
    /// More came out than the caller takes.
    #[error("expands to more than {max_bytes} bytes")]
    TooLarge {
        /// The cap given.
        max_bytes: usize,
    },
    /// Not gzip, cut short, or damaged.
    #[error("not a whole gzip file")]
    Corrupt(#[source] io::Error),
}

/// Compresses fast and the same way every time: no time, no name, no system in the header.
pub fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("writing to a Vec cannot fail")
}

/// Expands all members of a gzip file, to at most `max_bytes`.
pub fn decode_capped(bytes: &[u8], max_bytes: usize) -> Result<Vec<u8>, GunzipError> {
    let mut expanded = Vec::with_capacity(expected_len(bytes).min(max_bytes));
    let read = MultiGzDecoder::new(bytes)
        .take(
            u64::try_from(max_bytes)
                .unwrap_or(u64::MAX)
                .saturating_add(1),
        )
        .read_to_end(&mut expanded)
        .map_err(GunzipError::Corrupt)?;
    if read > max_bytes {
        return Err(GunzipError::TooLarge { max_bytes });
    }
    Ok(expanded)
}

/// The size that the trailer claims, as far as it can be true: spares the doubling of a growing buffer.
fn expected_len(bytes: &[u8]) -> usize {
    let claimed = bytes
        .last_chunk::<4>()
        .map_or(0, |trailer| u32::from_le_bytes(*trailer));
    usize::try_from(claimed)
        .unwrap_or(usize::MAX)
        .min(bytes.len().saturating_mul(MAX_RATIO))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_went_in_comes_out(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
            prop_assert_eq!(decode_capped(&encode(&bytes), bytes.len()).unwrap(), bytes);
        }

        #[test]
        fn junk_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = decode_capped(&bytes, 1024);
        }
    }

    #[test]
    fn header_holds_no_time_and_no_system() {
        assert_eq!(encode(b"x")[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255]);
    }

    #[test]
    fn bomb_is_stopped_at_the_cap() {
        let bomb = encode(&vec![0; 1 << 20]);

        assert!(matches!(
            decode_capped(&bomb, 4096),
            Err(GunzipError::TooLarge { max_bytes: 4096 })
        ));
        assert_eq!(decode_capped(&bomb, 1 << 20).unwrap().len(), 1 << 20);
    }

    #[test]
    fn members_are_joined() {
        let two = [encode(b"one "), encode(b"two")].concat();

        assert_eq!(decode_capped(&two, 100).unwrap(), b"one two");
    }

    #[test]
    fn cut_or_plain_bytes_are_corrupt() {
        let whole = encode(b"some bytes");

        for bytes in [&whole[..whole.len() - 1], b"[]", b""] {
            assert!(
                matches!(decode_capped(bytes, 100), Err(GunzipError::Corrupt(_))),
                "{bytes:?}"
            );
        }
    }
}
