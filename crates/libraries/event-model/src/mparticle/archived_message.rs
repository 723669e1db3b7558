//! The archived form of a webhook body: one line of JSON per message of the queue.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// One line of `raw/mparticle/dt=…/hour=…/….ndjson.gz`.
///
/// The queue delivers at least once, and a message that was not forwarded is received again later, so a message may be
/// in the archive more than once; its id shows that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArchivedMessage<'a> {
    /// The message's id in the queue.
    #[serde(borrow)]
    pub message_id: Cow<'a, str>,
    /// When the queue received it: RFC 3339 in UTC, to the millisecond.
    #[serde(borrow)]
    pub sent_at: Cow<'a, str>,
    /// The body as mParticle sent it.
    #[serde(borrow)]
    pub body: Cow<'a, str>,
}

impl<'a> ArchivedMessage<'a> {
    /// A message to be archived. `sent_at_ms` is in milliseconds since the Unix epoch.
    pub fn new(message_id: &'a str, sent_at_ms: i64, body: &'a str) -> Self {
        let sent_at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(sent_at_ms) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        // Formatting fails for years past 9999 only.
        let sent_at = sent_at.format(&Rfc3339).unwrap_or_default();
        Self {
            message_id: Cow::Borrowed(message_id),
            sent_at: Cow::Owned(sent_at),
            body: Cow::Borrowed(body),
        }
    }

    /// When the queue received it, milliseconds since the Unix epoch.
    pub fn sent_at_ms(&self) -> Option<i64> {
        let sent_at = OffsetDateTime::parse(&self.sent_at, &Rfc3339).ok()?;
        i64::try_from(sent_at.unix_timestamp_nanos() / 1_000_000).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_is_kept_to_the_byte() {
        let message = ArchivedMessage::new("m-1", 1_700_000_000_123, "{\"a\": \"\\u0000é\"}\n");

        let line = serde_json::to_string(&message).unwrap();

        assert_eq!(
            line,
            r#"{"messageId":"m-1","sentAt":"2023-11-14T22:13:20.123Z","body":"{\"a\": \"\\u0000é\"}\n"}"#
        );
        let read: ArchivedMessage<'_> = serde_json::from_str(&line).unwrap();
        assert_eq!(read, message);
        assert_eq!(read.sent_at_ms(), Some(1_700_000_000_123));
    }
}
