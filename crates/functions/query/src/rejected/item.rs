//! A rejected item as it is shown.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use event_model::rejected::{Mark, RejectedId, StoredLine};
use event_query::rejected::{RejectedStatus, SHOWN_BYTES};
use event_store::RejectedEvent;
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// One item. Members without a value are null, so that all items have the same members.
#[derive(Debug, Serialize)]
pub(crate) struct RejectedItem {
    /// Names it in requests to retry or settle it.
    id: Option<String>,
    /// `open`, `retried` or `settled`.
    status: &'static str,
    /// When it was marked so, why, and what it was sent again as.
    marked_at: Option<String>,
    note: Option<String>,
    retried_as: Option<String>,
    pipeline: &'static str,
    /// Where it was read: `postgres` or `s3`.
    store: &'static str,
    reason: String,
    detail: Option<String>,
    rejected_at: Option<String>,
    /// The object that it came from.
    source_key: Option<String>,
    batch_key: Option<String>,
    message_id: Option<String>,
    ordinal: Option<u64>,
    /// The beginning of what was received.
    item: Option<String>,
    /// The same in base64, when it is not UTF-8.
    item_base64: Option<String>,
    /// How long all of it is.
    item_bytes: Option<u64>,
    /// Whether there is more of it than is shown.
    is_item_truncated: bool,
}

impl RejectedItem {
    pub(super) fn of_row(row: RejectedEvent, id: &RejectedId, mark: Option<Mark>) -> Self {
        let rejected_at = row.rejected_at.to_time();
        let (item, item_base64) = text_or_base64(&row.item);
        let (status, marked_at, note, retried_as) = about(mark);
        Self {
            id: Some(id.to_string()),
            status,
            marked_at,
            note,
            retried_as,
            pipeline: event_model::Pipeline::EmailEvents.name(),
            store: "postgres",
            reason: shortened(&row.reason).to_owned(),
            detail: None,
            rejected_at: written(Some(rejected_at)),
            // The day on which it arrived, which is mostly that on which it was loaded.
            source_key: event_model::BatchKey::parse(&row.batch_key)
                .map(|key| key.object_key(rejected_at.date())),
            batch_key: Some(row.batch_key),
            message_id: None,
            ordinal: u64::try_from(row.ordinal).ok(),
            is_item_truncated: row.size_bytes > u64::try_from(row.item.len()).unwrap_or(0),
            item,
            item_base64,
            item_bytes: Some(row.size_bytes),
        }
    }

    pub(super) fn of_line(
        pipeline: event_model::Pipeline,
        line: StoredLine,
        written_at: Option<OffsetDateTime>,
        id: Option<&RejectedId>,
        mark: Option<Mark>,
    ) -> Self {
        let (status, marked_at, note, retried_as) = about(mark);
        let whole = line
            .item
            .as_ref()
            .map(String::len)
            .or_else(|| line.item_base64.as_ref().map(|item| item.len() / 4 * 3));
        let item_bytes = line
            .length
            .or_else(|| whole.and_then(|length| u64::try_from(length).ok()));
        let item = line.item.map(|item| shortened(&item).to_owned());
        // Four characters stand for three bytes.
        let item_base64 = line.item_base64.map(|mut item| {
            item.truncate(SHOWN_BYTES / 3 * 4);
            item
        });
        Self {
            id: id.map(ToString::to_string),
            status,
            marked_at,
            note,
            retried_as,
            pipeline: pipeline.name(),
            store: "s3",
            reason: shortened(&line.reason).to_owned(),
            detail: Some(shortened(&line.detail).to_owned()).filter(|detail| !detail.is_empty()),
            rejected_at: written(written_at),
            source_key: line.source_key,
            batch_key: None,
            message_id: line.message_id,
            ordinal: line.ordinal,
            is_item_truncated: whole.is_some_and(|length| length > SHOWN_BYTES),
            item,
            item_base64,
            item_bytes,
        }
    }
}

/// The members about an item's mark: its status, when it was marked, why, and what it was sent again as.
type AboutMark = (&'static str, Option<String>, Option<String>, Option<String>);

fn about(mark: Option<Mark>) -> AboutMark {
    match mark {
        None => (RejectedStatus::Open.name(), None, None, None),
        Some(mark) => (
            mark.status.name(),
            Some(mark.at),
            mark.note,
            mark.retried_as,
        ),
    }
}

fn written(time: Option<OffsetDateTime>) -> Option<String> {
    time.and_then(|time| time.format(&Rfc3339).ok())
}

/// A cut may have gone through a character, which then is left out.
fn text_or_base64(bytes: &[u8]) -> (Option<String>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(error) if error.error_len().is_none() => {
            let whole = bytes.get(..error.valid_up_to()).unwrap_or_default();
            (Some(String::from_utf8_lossy(whole).into_owned()), None)
        }
        Err(_) => (None, Some(BASE64_STANDARD.encode(bytes))),
    }
}

/// As many whole characters as are shown, so that a page has room for every item.
fn shortened(text: &str) -> &str {
    let mut end = SHOWN_BYTES.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_items_end_with_a_whole_character() {
        let text = "é".repeat(SHOWN_BYTES);

        assert_eq!(shortened(&text).len(), SHOWN_BYTES);
        assert_eq!(shortened("ééé"), "ééé");
        assert_eq!(shortened(&format!("a{text}")).len(), SHOWN_BYTES - 1);
        assert_eq!(
            text_or_base64(&text.as_bytes()[..5]),
            (Some("éé".to_owned()), None)
        );
        assert_eq!(text_or_base64(b"a\xffb"), (None, Some("Yf9i".to_owned())));
    }
}
