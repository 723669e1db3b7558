//! Gzip, with a limit on the expanded size.

use std::io::{self, Read, Write};

use flate2::{Compression, GzBuilder, read::MultiGzDecoder};

/// The most bytes that a batch may expand to, when it is received and when it is loaded: 32 MiB are more than 20,000 email events, and
/// can be processed in 256 MB of memory.
pub const MAX_BATCH_BYTES: usize = 32 << 20;

/// Deflate cannot expand more than this (<https://zlib.net/zlib_tech.html>).
const MAX_RATIO: usize = 1032;

/// The least size to which a buffer grows.
const MIN_GROWN_BYTES: usize = 4 << 10;

/// The bytes cannot be expanded.
#[derive(Debug, thiserror::Error)]
pub enum GunzipError {
    /// They expand to more than the limit.
    #[error("expands to more than {max_bytes} bytes")]
    TooLarge {
        /// The limit given.
        max_bytes: usize,
    },
    /// They are not gzip, truncated or corrupt.
    #[error("not a complete gzip file")]
    Corrupt(#[source] io::Error),
}

/// Compresses, at a fast level. The same bytes give the same result: the header has neither time, name nor system.
pub fn encode(bytes: &[u8]) -> Vec<u8> {
    encode_parts([bytes], bytes.len() / 4)
}

/// As [`encode`], for the concatenation of `parts`, which need not be in memory at once. `expected_bytes` is an estimate of the result's
/// size.
pub fn encode_parts(
    parts: impl IntoIterator<Item = impl AsRef<[u8]>>,
    expected_bytes: usize,
) -> Vec<u8> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::with_capacity(expected_bytes), Compression::fast());
    parts
        .into_iter()
        .try_for_each(|part| encoder.write_all(part.as_ref()))
        .and_then(|()| encoder.finish())
        .expect("writing to a Vec cannot fail")
}

/// Expands all members of a gzip file to at most `max_bytes`, with a buffer of at most one byte more.
///
/// # Errors
/// The bytes are not complete gzip, or expand to more than `max_bytes`.
pub fn decode_capped(bytes: &[u8], max_bytes: usize) -> Result<Vec<u8>, GunzipError> {
    let mut decoder = MultiGzDecoder::new(bytes);
    // One spare byte, so that the end is found without growing the buffer.
    let mut expanded = vec![0; expected_len(bytes).min(max_bytes) + 1];
    let mut filled = 0;
    loop {
        if filled > max_bytes {
            return Err(GunzipError::TooLarge { max_bytes });
        }
        if filled == expanded.len() {
            let len = (2 * filled).clamp(
                MIN_GROWN_BYTES,
                max_bytes.saturating_add(1).max(MIN_GROWN_BYTES),
            );
            expanded.reserve_exact(len - filled);
            expanded.resize(len, 0);
        }
        match decoder.read(&mut expanded[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(GunzipError::Corrupt(error)),
        }
    }
    expanded.truncate(filled);
    Ok(expanded)
}

/// The size in the trailer, limited to what is possible: avoids growing the buffer step by step.
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
    fn parts_are_as_good_as_the_whole() {
        let parts = [&b"one "[..], b"", b"two"];

        assert_eq!(
            decode_capped(&encode_parts(parts, 0), 100).unwrap(),
            b"one two"
        );
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
    fn buffer_is_no_larger_than_what_may_come_out() {
        let members = encode(&vec![b' '; 1 << 20]).repeat(5);

        let expanded = decode_capped(&members, 5 << 20).unwrap();

        assert_eq!(expanded.len(), 5 << 20);
        assert!(
            expanded.capacity() <= (5 << 20) + 1,
            "{}",
            expanded.capacity()
        );
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
