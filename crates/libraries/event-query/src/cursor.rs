//! The opaque token of the next page.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use event_model::{EventKey, Timestamp};
use sha2::{Digest, Sha256};

use crate::position::{Position, TimeRange, Total};

/// The state that a page passes to the next one.
///
/// The range is included because its defaults depend on the time of the first request: without it the second page would
/// use another range. The total is included so that it is counted once per walk. Nothing in it is secret, and a
/// modified cursor shows nothing that other parameters would not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) range: TimeRange,
    /// The last row of the page.
    pub(crate) position: Position,
    pub(crate) total: Total,
    /// The digest of the conditions that the walk started with.
    pub(crate) filters_digest: [u8; 8],
}

/// The text is not a cursor of this version, or was damaged in transit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BrokenCursor;

const VERSION: u8 = 1;

/// Clients parse links and rebuild them; some lose the padding, some add it.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Cursor {
    pub(crate) fn encode(&self) -> String {
        let (count, is_exact) = match self.total {
            Total::Exactly(count) => (count, 1),
            Total::AtLeast(count) => (count, 0),
        };
        let mut bytes = vec![VERSION];
        bytes.extend(self.range.from.unix_micros().to_be_bytes());
        bytes.extend(self.range.to.unix_micros().to_be_bytes());
        bytes.extend(self.position.ts.unix_micros().to_be_bytes());
        bytes.extend(self.position.event_key.as_u128().to_be_bytes());
        bytes.extend(count.to_be_bytes());
        bytes.push(is_exact);
        bytes.extend(self.filters_digest);
        to_token(bytes)
    }

    pub(crate) fn decode(text: &str) -> Result<Self, BrokenCursor> {
        let content = read_token(text)?;
        let mut reader = Reader(&content);
        if reader.take()? != [VERSION] {
            return Err(BrokenCursor);
        }
        let range = TimeRange {
            from: reader.timestamp()?,
            to: reader.timestamp()?,
        };
        let ts = reader.timestamp()?;
        let event_key = EventKey::from_u128(u128::from_be_bytes(reader.take()?));
        let count = u64::from_be_bytes(reader.take()?);
        let total = if reader.take()? == [1] {
            Total::Exactly(count)
        } else {
            Total::AtLeast(count)
        };
        let filters_digest = reader.take()?;
        if !reader.0.is_empty() {
            return Err(BrokenCursor);
        }
        Ok(Self {
            range,
            position: Position { ts, event_key },
            total,
            filters_digest,
        })
    }
}

/// The text of a cursor that has `content`.
pub(crate) fn to_token(mut content: Vec<u8>) -> String {
    content.extend(checksum(&content));
    ENGINE.encode(content)
}

/// The content of a cursor, whose text is as it was handed out but for padding.
pub(crate) fn read_token(text: &str) -> Result<Vec<u8>, BrokenCursor> {
    let mut bytes = ENGINE.decode(text).map_err(|_| BrokenCursor)?;
    let (content, check) = bytes.split_last_chunk().ok_or(BrokenCursor)?;
    if checksum(content) != *check {
        return Err(BrokenCursor);
    }
    let length = content.len();
    bytes.truncate(length);
    Ok(bytes)
}

/// Detects accidents (a truncated link, a changed character), not intent.
fn checksum(content: &[u8]) -> [u8; 4] {
    let digest: [u8; 32] = Sha256::digest(content).into();
    digest.first_chunk().copied().unwrap_or_default()
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], BrokenCursor> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(BrokenCursor)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn timestamp(&mut self) -> Result<Timestamp, BrokenCursor> {
        Timestamp::from_unix_micros(i64::from_be_bytes(self.take()?)).ok_or(BrokenCursor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timestamps() -> impl Strategy<Value = Timestamp> {
        (Timestamp::MIN.unix_micros()..=Timestamp::MAX.unix_micros())
            .prop_map(|micros| Timestamp::from_unix_micros(micros).unwrap())
    }

    prop_compose! {
        fn cursors()(
            from in timestamps(), to in timestamps(), ts in timestamps(), key: u128, count: u64, is_exact: bool,
            filters_digest: [u8; 8],
        ) -> Cursor {
            Cursor {
                range: TimeRange { from, to },
                position: Position { ts, event_key: EventKey::from_u128(key) },
                total: if is_exact { Total::Exactly(count) } else { Total::AtLeast(count) },
                filters_digest,
            }
        }
    }

    proptest! {
        #[test]
        fn reads_back_with_and_without_padding(cursor in cursors()) {
            let text = cursor.encode();
            let padding = "=".repeat((4 - text.len() % 4) % 4);

            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
            prop_assert_eq!(Cursor::decode(&text), Ok(cursor.clone()));
            prop_assert_eq!(Cursor::decode(&format!("{text}{padding}")), Ok(cursor));
        }

        #[test]
        fn any_changed_character_is_noticed(
            cursor in cursors(), index: prop::sample::Index, replacement in "[A-Za-z0-9_-]",
        ) {
            let text = cursor.encode();
            let index = index.index(text.len());
            prop_assume!(text[index..=index] != replacement);
            let changed = format!("{}{replacement}{}", &text[..index], &text[index + 1..]);

            prop_assert_eq!(Cursor::decode(&changed), Err(BrokenCursor));
        }

        #[test]
        fn any_cut_is_noticed(cursor in cursors(), end: prop::sample::Index) {
            let text = cursor.encode();

            prop_assert_eq!(Cursor::decode(&text[..end.index(text.len())]), Err(BrokenCursor));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            prop_assert_eq!(Cursor::decode(&text), Err(BrokenCursor));
        }
    }
}
