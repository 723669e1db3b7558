//! The names of raw objects that hold items again.

use event_model::{BatchKey, Pipeline};
use lake_schema::arrival::{self, RETRY};
use sha2::{Digest as _, Sha256};
use time::{Date, OffsetDateTime};

/// The key of a batch of items out of `source`. The source is part of it, so an item that is rejected twice is two batches. So is the
/// arrival of the source, because an event without a time that can be used happened when its object arrived: the lake has it under
/// that time already, and would have a second row of it under today's.
pub(super) fn batch_key(source: &str, body: &[u8], today: Date) -> String {
    let arrived = arrival::from_key(source).map_or_else(String::new, in_a_name);
    let id = format!("{RETRY}{}{arrived}", digest(source.as_bytes()));
    BatchKey::new(Some(&id), body).object_key(today)
}

/// A time as the names of objects have it: [`arrival::from_key`] reads it there before it looks at the day of the folder.
fn in_a_name(at: OffsetDateTime) -> String {
    let (hour, minute, second) = at.to_hms();
    format!("-{}-{hour:02}-{minute:02}-{second:02}", at.date())
}

/// The key of an object out of `source` with its bytes unchanged: among those of the same sender, with the same delivery id, because
/// the sender and the id decide what its events are. So nothing can be added to the id, and events without a time are of today.
pub(super) fn same_object_key(source: &str, object: &[u8], today: Date) -> String {
    match BatchKey::from_object_key(source).ok() {
        Some(key) if source.starts_with(Pipeline::SENDERS_PREFIX) => {
            let sender = key.sender().unwrap_or_default();
            BatchKey::of_sender(sender, Some(key.batch_id()), object).object_key(today)
        }
        Some(_) | None => batch_key(source, object, today),
    }
}

/// The key of an object of product events out of `source`: under the folders of the source, and with its name at the
/// beginning, because an event without a time happened when its object arrived, which these say.
pub(super) fn product_key(source: &str, content: &[u8]) -> String {
    let prefix = Pipeline::ProductEvents.raw_prefix();
    let place = source
        .strip_prefix(prefix)
        .or_else(|| source.strip_prefix("s3://"))
        .unwrap_or(source);
    let place = place.strip_suffix(".gz").unwrap_or(place);
    format!("{prefix}{place}-retry-{}.gz", digest(content))
}

fn digest(bytes: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(bytes));
    digest.get(..16).unwrap_or(&digest).to_owned()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn batches_are_told_apart_by_source_and_content() {
        let key = |source, body| batch_key(source, body, date!(2026 - 11 - 20));

        let first = key("raw/a", b"[1]");
        assert!(
            first.starts_with("raw/sparkpost/dt=2026-11-20/retry-"),
            "{first}"
        );
        assert!(BatchKey::from_object_key(&first).is_ok());
        assert_eq!(first, key("raw/a", b"[1]"));
        assert_ne!(first, key("raw/b", b"[1]"));
        assert_ne!(first, key("raw/a", b"[2]"));
    }

    #[test]
    fn batches_arrived_when_their_source_did_whichever_day_they_are_sent_again() {
        for source in [
            "raw/sparkpost/dt=2026-11-17/b1-4f53cda18c2baa0c.json.gz",
            "raw/email/dt=2026-11-17/resend=msg_1-4f53cda18c2baa0c.json.gz",
            "raw/sparkpost/dt=2026-11-17/b2-2026-11-10-09-08-07-4f53cda18c2baa0c.json.gz",
            "analytics_raw/2018/03/15/22/f",
        ] {
            let arrived = arrival::from_key(source);
            assert!(arrived.is_some(), "{source}");
            for today in [date!(2026 - 11 - 20), date!(2027 - 01 - 01)] {
                let key = batch_key(source, b"[1]", today);
                let again = batch_key(&key, b"[1]", today);

                assert!(BatchKey::from_object_key(&key).is_ok(), "{key}");
                assert_eq!(arrival::from_key(&key), arrived, "{key}");
                assert_eq!(arrival::from_key(&again), arrived, "{again}");
            }
            let batch = |today| {
                let key = batch_key(source, b"[1]", today);
                BatchKey::from_object_key(&key).unwrap()
            };
            assert_eq!(batch(date!(2026 - 11 - 20)), batch(date!(2027 - 01 - 01)));
        }
    }

    #[test]
    fn product_events_keep_the_folders_and_the_name_of_their_source() {
        for (source, expected) in [
            (
                "raw/track/dt=2026-11-20/hour=13/track-1-2026-11-20-13-05-59-f.gz",
                "raw/track/dt=2026-11-20/hour=13/track-1-2026-11-20-13-05-59-f-retry-",
            ),
            (
                "analytics_raw/2018/03/15/22/f",
                "raw/track/analytics_raw/2018/03/15/22/f-retry-",
            ),
            (
                "s3://older/2018/03/15/22/f.gz",
                "raw/track/older/2018/03/15/22/f-retry-",
            ),
        ] {
            let key = product_key(source, b"{}");
            assert!(key.starts_with(expected), "{key}");
            assert!(key.strip_suffix(".gz").is_some(), "{key}");
        }
    }
}
