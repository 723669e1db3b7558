//! A line of an object under `rejected/` as it is read back.

use serde::Deserialize;

/// What [`RejectedLine`](super::RejectedLine) wrote. A member that the line does not have is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StoredLine {
    /// A short fixed code, such as `not_gzip`.
    pub reason: String,
    /// A readable explanation.
    pub detail: String,
    /// The key of the object it came from, or the id of the message if it names none.
    pub source_key: Option<String>,
    /// The id of the message that it is part of.
    pub message_id: Option<String>,
    /// Its index in the source; none when all of the source is meant.
    pub ordinal: Option<u64>,
    /// How many bytes it has in the source.
    pub length: Option<u64>,
    /// The item itself.
    pub item: Option<String>,
    /// The same in base64, when it is not UTF-8.
    pub item_base64: Option<String>,
}

impl StoredLine {
    /// Reads one line, with or without its line end; `None` where it is not a line of a writer, such as the end of an object that
    /// was cut.
    pub fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// Reads the lines of an object, without those that are none.
    pub fn read_all(lines: &[u8]) -> impl Iterator<Item = Self> {
        lines.split(|byte| *byte == b'\n').filter_map(Self::read)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::RejectedLine, *};

    #[test]
    fn what_was_written_is_read() {
        let mut lines = Vec::new();
        RejectedLine {
            reason: "not_gzip",
            detail: "invalid gzip header",
            source_key: Some("raw/sparkpost/dt=2026-01-01/x.json.gz"),
            message_id: Some("m"),
            ordinal: Some(3),
            offset: Some(7),
            length: Some(2),
            item: Some("{}"),
            item_base64: Some("e30="),
        }
        .append_to(&mut lines);
        lines.extend_from_slice(b"{\"reason\":\"cut\n\n");
        RejectedLine::default().append_to(&mut lines);

        let read: Vec<StoredLine> = StoredLine::read_all(&lines).collect();

        assert_eq!(
            read,
            [
                StoredLine {
                    reason: "not_gzip".to_owned(),
                    detail: "invalid gzip header".to_owned(),
                    source_key: Some("raw/sparkpost/dt=2026-01-01/x.json.gz".to_owned()),
                    message_id: Some("m".to_owned()),
                    ordinal: Some(3),
                    length: Some(2),
                    item: Some("{}".to_owned()),
                    item_base64: Some("e30=".to_owned()),
                },
                StoredLine::default(),
            ]
        );
    }
}
