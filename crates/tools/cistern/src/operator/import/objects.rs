//! The raw objects that items become: in the form in which their pipeline writes them.

use event_model::{BatchKey, mparticle::ArchivedMessage, sparkpost::parse_batch};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::{
    items::Rejected,
    kind::{Kind, is_archived},
};
use crate::operator::raw_batch::envelope;

/// The size of an object, unless one item is larger, and the items of an email batch, as SparkPost has them.
const OBJECT_BYTES: usize = 4 << 20;
const EMAIL_ITEMS: usize = 1_000;

/// The content of a raw object.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) kind: Kind,
    /// What names it: the same items make the same object.
    pub(super) id: String,
    pub(super) body: Vec<u8>,
    /// The place of its first item in the file, from 0.
    first: usize,
}

impl Packed {
    /// The key of an email batch.
    pub(super) fn batch_key(&self) -> BatchKey {
        BatchKey::new(Some("import"), &self.body)
    }
}

/// Packs items in their order.
pub(super) fn pack(kind: Kind, items: &[&str], now: OffsetDateTime) -> Vec<Packed> {
    let mut packed = Vec::new();
    let mut start = 0;
    while start < items.len() {
        let rest = items.get(start..).unwrap_or_default();
        let count = count_for_one(kind, rest);
        let chunk = rest.get(..count).unwrap_or_default();
        packed.push(pack_one(kind, chunk, start, now));
        start += count;
    }
    packed
}

fn count_for_one(kind: Kind, items: &[&str]) -> usize {
    let mut bytes = 0_usize;
    let most = match kind {
        Kind::Email => EMAIL_ITEMS,
        Kind::App | Kind::Product => usize::MAX,
    };
    let fitting = items.iter().take(most).take_while(|item| {
        bytes = bytes.saturating_add(item.len());
        bytes <= OBJECT_BYTES
    });
    fitting.count().max(1)
}

fn pack_one(kind: Kind, items: &[&str], first: usize, now: OffsetDateTime) -> Packed {
    let mut hash = Sha256::new();
    for item in items {
        hash.update(item);
        hash.update([0]);
    }
    let id = hex::encode(hash.finalize());
    let body = match kind {
        Kind::Email => format!(
            "[{}]",
            items
                .iter()
                .map(|item| enveloped(item))
                .collect::<Vec<_>>()
                .join(",")
        ),
        Kind::App => items
            .iter()
            .map(|item| one_line(&archived(item, now)) + "\n")
            .collect(),
        Kind::Product => items.iter().map(|item| one_line(item) + "\n").collect(),
    };
    Packed {
        kind,
        id: id.get(..32).unwrap_or(&id).to_owned(),
        body: body.into_bytes(),
        first,
    }
}

/// As the webhook brings it; events of the Events API come without the envelope.
fn enveloped(item: &str) -> String {
    #[derive(Deserialize)]
    struct Element {
        #[serde(rename = "msys")]
        _msys: serde::de::IgnoredAny,
    }

    if serde_json::from_str::<Element>(item).is_ok() {
        item.to_owned()
    } else {
        envelope(item)
    }
}

/// As the forwarder archives it. The id is made of the body, so that it is the same each time.
fn archived(item: &str, now: OffsetDateTime) -> String {
    if is_archived(item) {
        return item.to_owned();
    }
    let digest = hex::encode(Sha256::digest(item));
    let id = format!("import-{}", digest.get(..32).unwrap_or(&digest));
    let sent_at_ms =
        batch_time_ms(item).unwrap_or_else(|| now.unix_timestamp().saturating_mul(1_000));
    let message = ArchivedMessage::new(&id, sent_at_ms, item);
    serde_json::to_string(&message).unwrap_or_default()
}

/// When mParticle received the batch, by itself: events without a time get it.
fn batch_time_ms(batch: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Timed {
        timestamp_unixtime_ms: Value,
    }

    let timed: Timed = serde_json::from_str(batch).ok()?;
    match timed.timestamp_unixtime_ms {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Line ends in JSON are between its tokens only, where a space is the same.
fn one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

/// What the loader will reject, with its reasons.
pub(super) fn rejections(packed: &[Packed], now: OffsetDateTime) -> Vec<Rejected> {
    let email = packed.iter().filter(|object| object.kind == Kind::Email);
    email
        .flat_map(|object| {
            let batch = parse_batch(&object.body, now);
            let rejected = batch.rejected.iter().map(|item| {
                let place = object.first
                    + usize::try_from(item.ordinal).unwrap_or(usize::MAX - object.first);
                Rejected::item(place.saturating_add(1), item.reason.to_string())
            });
            rejected.collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use event_model::mparticle;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-02-01 0:00 UTC);

    #[test]
    fn email_events_of_any_source_become_batches_that_the_loader_reads() {
        let bare = r#"{"type":"click","event_id":"2","timestamp":"2026-01-31T00:00:00.5Z","rcpt_to":"a@example.com"}"#;
        let whole = r#"{"msys":{"message_event":{"type":"bounce","event_id":"1","timestamp":"1769860800"}}}"#;
        let late = r#"{"msys":{"message_event":{"type":"open","event_id":"3"}}}"#;
        let items: Vec<&str> = [whole, bare]
            .into_iter()
            .cycle()
            .take(2_500)
            .chain([late])
            .collect();

        let packed = pack(Kind::Email, &items, NOW);

        assert_eq!(packed.len(), 3);
        let events: usize = packed
            .iter()
            .map(|object| parse_batch(&object.body, NOW).events.len())
            .sum();
        assert_eq!(events, 2_500);
        let rejected = rejections(&packed, NOW);
        assert_eq!(rejected.len(), 1);
        assert!(
            rejected[0]
                .to_string()
                .starts_with("item 2501: `timestamp`"),
            "{}",
            rejected[0]
        );
        let again = pack(Kind::Email, &items, NOW + time::Duration::DAY);
        assert_eq!(again[0].batch_key(), packed[0].batch_key());
    }

    #[test]
    fn app_batches_become_lines_of_the_archive_with_their_own_time() {
        let batch = "{\n\"events\":[],\"mpid\":\"1\",\"timestamp_unixtime_ms\":\"1769860800123\"}";
        let archived = r#"{"messageId":"m","sentAt":"2026-01-31T00:00:00Z","body":"{\"mpid\":1}"}"#;

        let packed = pack(Kind::App, &[batch, archived], NOW);

        assert_eq!(packed.len(), 1);
        let text = String::from_utf8(packed[0].body.clone()).unwrap();
        let lines: Vec<ArchivedMessage<'_>> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].sent_at_ms(), Some(1_769_860_800_123));
        assert_eq!(lines[0].body, batch);
        assert!(matches!(
            mparticle::parse(&lines[0].body)[..],
            [mparticle::Item::Batch(_)]
        ));
        assert_eq!(lines[1].message_id, "m");
        assert_eq!(
            pack(Kind::App, &[batch, archived], NOW + time::Duration::DAY)[0].id,
            packed[0].id
        );
    }

    #[test]
    fn objects_have_a_limited_size_and_product_events_a_line_each() {
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(OBJECT_BYTES / 2));
        let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(OBJECT_BYTES * 2));

        let packed = pack(Kind::Product, &[&large, &large, &huge, "{\n}"], NOW);

        assert_eq!(packed.len(), 4);
        assert_eq!(packed[3].body, b"{ }\n");
    }
}
