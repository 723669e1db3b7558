//! The name of a file of the lake, made from what is in it.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};
use time::Date;

/// Names one file of one table: 128 bits of SHA-256 over what it was made from. The same sources give the same name, so
/// writing a file again finds it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u128);

/// Text that is not a file id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 lower-case hexadecimal digits")]
pub struct NotAFileId;

impl FileId {
    /// For files that are not part of the lake.
    pub const NONE: Self = Self(0);

    /// The part that holds the events of `day` from one raw object.
    pub fn of_part(table: &str, day: Date, source_key: &str) -> Self {
        Self::hash("part", table, day, [source_key.as_bytes()])
    }

    /// The file that `inputs` are merged into when a day is compacted. Their order does not matter.
    pub fn of_compacted_day(table: &str, day: Date, inputs: &[Self]) -> Self {
        Self::of_all("day", table, day, inputs)
    }

    /// The file into which the compacted `days` of a month are copied. The order in which they were listed does not matter.
    pub fn of_monthly_copy(table: &str, first_day: Date, days: &[Self]) -> Self {
        Self::of_all("month", table, first_day, days)
    }

    fn of_all(kind: &str, table: &str, day: Date, inputs: &[Self]) -> Self {
        let mut sorted: Vec<[u8; 16]> = inputs.iter().map(|id| id.0.to_be_bytes()).collect();
        sorted.sort_unstable();
        Self::hash(kind, table, day, sorted.iter().map(<[u8; 16]>::as_slice))
    }

    fn hash<'a>(
        kind: &str,
        table: &str,
        day: Date,
        members: impl IntoIterator<Item = &'a [u8]>,
    ) -> Self {
        let mut hash = Sha256::new();
        for text in [kind, table, &day.to_string()] {
            hash.update(text);
            hash.update([0]);
        }
        for member in members {
            hash.update(member);
        }
        let mut first = [0; 16];
        first.copy_from_slice(&hash.finalize()[..16]);
        Self(u128::from_be_bytes(first))
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for FileId {
    type Err = NotAFileId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_hex) {
            return Err(NotAFileId);
        }
        u128::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| NotAFileId)
    }
}

impl serde::Serialize for FileId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for FileId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    const DAY: Date = date!(2026 - 01 - 01);

    #[test]
    fn id_follows_from_table_day_and_source_alone() {
        let id = FileId::of_part("product_events", DAY, "raw/track/a.gz");

        assert_eq!(id, FileId::of_part("product_events", DAY, "raw/track/a.gz"));
        assert_ne!(id, FileId::of_part("product_events", DAY, "raw/track/b.gz"));
        assert_ne!(id, FileId::of_part("other", DAY, "raw/track/a.gz"));
        assert_ne!(
            id,
            FileId::of_part("product_events", date!(2026 - 01 - 02), "raw/track/a.gz")
        );
    }

    #[test]
    fn id_of_a_compacted_day_does_not_depend_on_the_order_of_its_parts() {
        let [a, b] = ["a", "b"].map(|key| FileId::of_part("product_events", DAY, key));

        let id = FileId::of_compacted_day("product_events", DAY, &[a, b]);

        assert_eq!(id, FileId::of_compacted_day("product_events", DAY, &[b, a]));
        assert_ne!(id, FileId::of_compacted_day("product_events", DAY, &[a]));
        assert_ne!(id, FileId::of_monthly_copy("product_events", DAY, &[a, b]));
    }

    #[test]
    fn id_of_a_monthly_copy_depends_on_each_of_its_days() {
        let [a, b, c] = ["a", "b", "c"].map(|key| FileId::of_part("product_events", DAY, key));
        let month = |days: &[FileId]| FileId::of_monthly_copy("product_events_months", DAY, days);

        assert_eq!(month(&[a, b]), month(&[b, a]));
        assert_ne!(month(&[a, b]), month(&[a, c]));
        assert_ne!(month(&[a, b]), month(&[a, b, c]));
    }

    #[test]
    fn text_and_back() {
        let id = FileId::of_part("product_events", DAY, "a");

        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(
            serde_json::from_str::<FileId>(&serde_json::to_string(&id).unwrap()).unwrap(),
            id
        );
        for text in [
            "",
            "00",
            &id.to_string().to_uppercase(),
            &"g".repeat(32),
            &format!("+{:031x}", 1),
        ] {
            assert_eq!(text.parse::<FileId>(), Err(NotAFileId), "{text:?}");
        }
    }
}
