//! The identity of an event, by which duplicates are recognised.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// The identity of an event: 128 bits, stored in Postgres as a `uuid`.
///
/// The key is derived from the provider's event id *and* the type, because SparkPost's documented samples, which its
/// "send test batch" posts, share one id across 18 types. An event without an id is identified by its content, in any
/// spelling. Together with the second of its timestamp it is the primary key of the `email_events` table, so this
/// derivation must never change: events loaded before a change would load a second time after it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey(u128);

impl EventKey {
    /// The key of an event with an id.
    pub fn from_id(event_type: &str, event_id: &str) -> Self {
        let mut hasher = Sha256::new();
        for part in ["id", event_type, event_id] {
            // The length prefix distinguishes ("a", "bc") from ("ab", "c").
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self::from_digest(hasher)
    }

    /// The key of an event without an id: from the digest of its identity, and the number of equal events before it in
    /// its batch, so that two equal events of one batch stay two, even if the batch is sent again.
    pub(crate) fn from_bytes_digest(digest: &[u8; 32], earlier_equals: u32) -> Self {
        let mut hasher = Sha256::new();
        hasher.update("bytes");
        hasher.update(digest);
        hasher.update(earlier_equals.to_be_bytes());
        Self::from_digest(hasher)
    }

    /// The key with these bits, as read from a `uuid` column or a cursor.
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits, in the order of a `uuid`'s bytes.
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    fn from_digest(hasher: Sha256) -> Self {
        let digest: [u8; 32] = hasher.finalize().into();
        Self(
            digest
                .iter()
                .take(16)
                .fold(0, |bits, byte| bits << 8 | u128::from(*byte)),
        )
    }
}

/// The usual hyphenated form of a uuid, in lower case.
impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            bits >> 96,
            bits >> 80 & 0xffff,
            bits >> 64 & 0xffff,
            bits >> 48 & 0xffff,
            bits & 0xffff_ffff_ffff,
        )
    }
}

impl fmt::Debug for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventKey({self})")
    }
}

/// A text that is not the hyphenated form of an [`EventKey`].
#[derive(Debug, thiserror::Error)]
#[error("not an event key: expected 32 hexadecimal digits in groups of 8-4-4-4-12")]
pub struct ParseEventKeyError;

impl FromStr for EventKey {
    type Err = ParseEventKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let groups_fit = text.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
        if !groups_fit {
            return Err(ParseEventKeyError);
        }
        let mut bits = 0;
        for digit in text.chars().filter(|c| *c != '-') {
            let value = digit.to_digit(16).ok_or(ParseEventKeyError)?;
            bits = bits << 4 | u128::from(value);
        }
        Ok(Self(bits))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn derivation_is_the_one_that_stored_events_were_keyed_with() {
        let with_id = EventKey::from_id("bounce", "92356927693813856");
        let without_id = EventKey::from_bytes_digest(&[7; 32], 0);

        assert_eq!(with_id.to_string(), "3ed7fb25-e219-d899-a42b-5e4f08f2ec93");
        assert_eq!(
            without_id.to_string(),
            "efe0e732-36ba-bd8f-89ea-5980cb799e5c"
        );
    }

    #[test]
    fn type_and_id_do_not_run_into_each_other() {
        assert_ne!(
            EventKey::from_id("open", "1"),
            EventKey::from_id("click", "1")
        );
        assert_ne!(EventKey::from_id("ab", "c"), EventKey::from_id("a", "bc"));
    }

    #[test]
    fn refuses_what_is_not_a_key() {
        for text in [
            "",
            "0",
            "00000000000000000000000000000000",
            "0000000g-0000-0000-0000-000000000000",
            "é-é",
        ] {
            assert!(text.parse::<EventKey>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_form_reads_back(bits: u128) {
            let key = EventKey::from_u128(bits);

            prop_assert_eq!(key.to_string().parse::<EventKey>().unwrap(), key);
        }
    }
}
