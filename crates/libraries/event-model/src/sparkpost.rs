//! SparkPost's event webhook: one POST carries a JSON array of `{"msys":{"<class>":{…event…}}}`.
//!
//! The parser is as lenient as observed payloads require, and no more: ids as numbers or strings, timestamps as epoch
//! seconds or ISO 8601, elements with a second key besides `msys`, undocumented types and fields. A fault in one
//! element costs that element alone.

mod address;
mod batch_builder;
pub mod bounce_class;
mod decoder;
mod elements;
mod envelope;
mod event;
mod event_time;
mod event_type;
mod fields;
mod folding;
mod identity;
mod item_range;
mod jsonb;
mod object;
mod reject_reason;
mod repair;
mod word;

use std::borrow::Cow;

use time::OffsetDateTime;

pub use self::address::domain_of;
pub use self::batch_builder::{MAX_DECODED_BYTES, MAX_EVENT_BYTES, MAX_ITEMS, MAX_REJECTED_ITEMS};
pub use self::envelope::PING;
pub use self::event::Event;
pub use self::event_time::{ACCEPTED_AHEAD, ACCEPTED_FROM};
pub use self::event_type::{EventClass, EventType, UnknownEventType};
pub use self::fields::{MAX_NAME_BYTES, MAX_PROSE_BYTES};
pub use self::folding::{fold, fold_address, fold_beyond_ascii, fold_domain};
pub use self::item_range::{ItemRange, item_ranges};
pub use self::jsonb::MAX_DEPTH;
pub use self::reject_reason::{JsonKind, RejectReason};
pub use self::word::{MAX_WORD_BYTES, clip_word, is_word_delimiter};

use self::batch_builder::BatchBuilder;
use self::decoder::Decoder;
use self::elements::Elements;

/// A webhook batch, split into its items.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch<'a> {
    /// The events that can be stored, in the order of the body.
    pub events: Vec<Event<'a>>,
    /// The items that cannot be stored, in the order of the body.
    pub rejected: Vec<RejectedItem<'a>>,
    /// The number of `events` in which characters that Postgres cannot store were replaced.
    pub sanitized: usize,
    /// The number of items that were taken out again, because they are those of erased people.
    pub erased: usize,
}

impl Batch<'_> {
    /// How many items the batch has. SparkPost's pings, `{"msys":{}}`, are not items.
    pub fn received(&self) -> usize {
        self.events.len() + self.rejected_count() + self.erased
    }

    /// Takes out the items that `is_erased` chooses: by the payload of an event, or by the bytes of an item that cannot be stored.
    pub fn erase(&mut self, is_erased: impl Fn(&[u8]) -> bool) {
        let received = self.received();
        self.events
            .retain(|event| !is_erased(event.payload.as_bytes()));
        self.rejected.retain(|item| !is_erased(&item.raw));
        self.erased = received - self.events.len() - self.rejected_count();
    }

    /// How many items `rejected` stands for.
    pub fn rejected_count(&self) -> usize {
        self.rejected.iter().map(RejectedItem::count).sum()
    }
}

/// An item of a batch that cannot be stored as an event; or, after [`MAX_REJECTED_ITEMS`] of them, all further ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedItem<'a> {
    /// The position in the body's array, from 0; pings take a position too.
    pub ordinal: u32,
    pub reason: RejectReason,
    /// The item's bytes as sent; empty if a body ends between two items.
    pub raw: Cow<'a, [u8]>,
}

impl RejectedItem<'_> {
    /// The number of items of the body that it stands for.
    pub fn count(&self) -> usize {
        if let RejectReason::More { count, .. } = self.reason {
            usize::try_from(count).unwrap_or(usize::MAX)
        } else {
            1
        }
    }
}

/// The items of a body with their ordinals, as sent; of a body that stops being JSON, the rest of it is the last one.
pub fn split_items(body: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    Elements::of(body).map(|element| (element.ordinal, element.raw))
}

/// Splits and decodes one webhook body. Never fails: unusable items are in [`Batch::rejected`].
///
/// `now` bounds the accepted event times, see [`ACCEPTED_FROM`] and [`ACCEPTED_AHEAD`].
///
/// If a body stops being JSON, the elements before that position are kept. The rest becomes one rejected item, because
/// the start of the next element in a broken text is unknown.
///
/// The result is bounded for every body: see [`MAX_DECODED_BYTES`], [`MAX_ITEMS`], [`MAX_REJECTED_ITEMS`] and
/// [`MAX_EVENT_BYTES`]. Every item is still counted.
pub fn parse_batch(body: &[u8], now: OffsetDateTime) -> Batch<'_> {
    let mut decoder = Decoder::new(now);
    let mut builder = BatchBuilder::default();
    for element in Elements::of(body) {
        let outcome = match element.problem {
            Some(reason) => Err(reason),
            None if !builder.has_room(element.ordinal, decoder.memory_bytes()) => {
                Err(RejectReason::BatchTooLarge)
            }
            None => decoder.decode(&element),
        };
        match outcome {
            Ok(Some(event)) => builder.add(event),
            Ok(None) => {}
            Err(reason) => builder.reject(element.ordinal, reason, element.raw),
        }
    }
    builder.finish(decoder.sanitized())
}
