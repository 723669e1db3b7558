//! Deliveries that did not prove themselves, kept for two weeks, so that a mistake with a secret loses nothing.
//!
//! Anybody can send them, so they are bounded: each has at most [`MAX_BYTES`], and each sender has [`SLOTS`] places an hour. The
//! bucket's lifecycle removes them.

use axum::http::HeaderMap;
use event_model::BatchKey;
use time::OffsetDateTime;
use tracing::warn;

use crate::{
    Deps,
    body::{DecodedBody, metadata},
    delivery::Posting,
    store::store_at,
};

/// More than any provider sends in one request.
const MAX_BYTES: usize = 1 << 20;
/// A body's place follows from its hash, so no instance has to know what others have stored.
const SLOTS: u32 = 1024;

/// Stores a body apart from the archive, if it is small enough and its place is free. A failure is logged and changes nothing: the
/// sender is refused anyway, and sends it again.
pub(crate) async fn keep_apart(
    deps: &Deps,
    Posting { sender, proof }: &Posting,
    headers: &HeaderMap,
    body: &DecodedBody,
) {
    if body.bytes().len() > MAX_BYTES {
        warn!(
            sender = sender.name(),
            "delivery that is not proven is too large to be kept"
        );
        return;
    }
    let now = (deps.clock)();
    let key = place(sender.name(), body.bytes(), now);
    let stored = store_at(
        deps,
        key,
        body.object(),
        metadata(headers, &proof.headers()),
        now,
    )
    .await;
    if let Err(error) = stored {
        warn!(sender = sender.name(), error = %function_kit::chain(&error), "delivery that is not proven is not kept");
    }
}

/// `unverified/<sender>/dt=2026-11-30/hour=12/<slot>.json.gz`.
fn place(sender: &str, body: &[u8], now: OffsetDateTime) -> String {
    let key = BatchKey::of_sender(sender, None, body);
    let start = key.batch_id().get(..8).unwrap_or_default();
    let slot = u32::from_str_radix(start, 16).unwrap_or_default() % SLOTS;
    let (day, hour) = (now.date(), now.hour());
    format!("unverified/{sender}/dt={day}/hour={hour:02}/{slot:03x}.json.gz")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use time::macros::datetime;

    use super::*;

    #[test]
    fn places_of_an_hour_are_few_however_many_bodies_come() {
        let now = datetime!(2026-11-30 12:34 UTC);
        let places: BTreeSet<String> = (0..20_000_u32)
            .map(|body| place("sendgrid", &body.to_be_bytes(), now))
            .collect();

        assert_eq!(places.len(), SLOTS as usize);
        let first = places.first().unwrap();
        assert_eq!(
            first,
            "unverified/sendgrid/dt=2026-11-30/hour=12/000.json.gz"
        );
    }
}
