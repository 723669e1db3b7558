//! Metadata keys that searches can filter on.

use std::{fmt, str::FromStr};

/// The longest key: its index names stay within the 63 bytes of a Postgres name.
const MAX_BYTES: usize = 40;

/// The name of a key in `rcpt_meta` that has an index, such as `user_id`.
///
/// Letters, digits, `_`, `.` and `-`, at most 40 of them: safe in a name and in a literal of SQL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetadataKey(String);

/// A text that is not the name of an indexable metadata key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a metadata key is made of 1 to {MAX_BYTES} letters, digits, _, . and -")]
pub struct MetadataKeyError;

impl MetadataKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MetadataKey {
    type Err = MetadataKeyError;

    fn from_str(text: &str) -> Result<Self, MetadataKeyError> {
        let is_safe = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if is_safe && (1..=MAX_BYTES).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(MetadataKeyError)
        }
    }
}

impl fmt::Display for MetadataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_plain_names_and_nothing_that_means_something_in_sql() {
        let longest = "k".repeat(MAX_BYTES);
        for text in [
            "user_id",
            "orderId",
            "x-request-id",
            "order.id",
            "7",
            &longest,
        ] {
            assert_eq!(text.parse::<MetadataKey>().unwrap().as_str(), text);
        }

        let too_long = "k".repeat(MAX_BYTES + 1);
        for text in ["", "a b", "a'b", "a\"b", "ä", "a\0b", "a;b", &too_long] {
            assert_eq!(
                text.parse::<MetadataKey>(),
                Err(MetadataKeyError),
                "{text:?}"
            );
        }
    }
}
