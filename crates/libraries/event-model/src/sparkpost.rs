//! SparkPost's event webhook: one POST carries a JSON array of `{"msys":{"<class>":{…event…}}}`.
//!
//! The parser is as lenient as payloads that were seen in the wild demand, and no more: ids come as numbers or
//! strings, timestamps as epoch seconds or ISO 8601, elements with a second key beside `msys`, types and fields
//! that nobody has documented yet. What breaks one element costs that element alone.

mod address;
mod decoder;
mod elements;
mod envelope;
mod event;
mod event_time;
mod event_type;
mod fields;
mod folding;
mod held;
mod identity;
mod jsonb;
mod object;
mod reject_reason;
mod repair;
mod word;

use std::borrow::Cow;

use time::OffsetDateTime;

pub use self::address::domain_of;
pub use self::event::Event;
pub use self::event_time::{ACCEPTED_AHEAD, ACCEPTED_FROM};
pub use self::event_type::{EventClass, EventType, UnknownEventType};
pub use self::fields::{MAX_NAME_BYTES, MAX_PROSE_BYTES};
pub use self::folding::{fold, fold_address, fold_beyond_ascii, fold_domain};
pub use self::held::{MAX_EVENT_BYTES, MAX_HELD_BYTES, MAX_ITEMS, MAX_REJECTED_ITEMS};
pub use self::jsonb::MAX_DEPTH;
pub use self::reject_reason::{JsonKind, RejectReason};
pub use self::word::{MAX_WORD_BYTES, clip_word, is_word_delimiter};

use self::decoder::Decoder;
use self::elements::Elements;
use self::held::Held;

/// A webhook batch, split into its items.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch<'a> {
    /// The events that can be stored, in the order of the body.
    pub events: Vec<Event<'a>>,
    /// What cannot be stored, in the order of the body.
    pub rejected: Vec<RejectedItem<'a>>,
    /// How many of `events` hold replacement characters in place of what Postgres cannot store.
    pub sanitized: usize,
}

impl Batch<'_> {
    /// How many items the batch held. SparkPost's pings, `{"msys":{}}`, are not items.
    pub fn received(&self) -> usize {
        self.events.len() + self.rejected_count()
    }

    /// How many items `rejected` stands for.
    pub fn rejected_count(&self) -> usize {
        self.rejected.iter().map(RejectedItem::count).sum()
    }
}

/// An item of a batch that cannot be stored as an event; or, after [`MAX_REJECTED_ITEMS`] of them, all the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedItem<'a> {
    /// The position in the body's array, from 0; pings take a position too.
    pub ordinal: u32,
    pub reason: RejectReason,
    /// The item's bytes as sent; possibly none, where a body breaks off between two items.
    pub raw: Cow<'a, [u8]>,
}

impl RejectedItem<'_> {
    /// How many items of the body this is.
    pub fn count(&self) -> usize {
        if let RejectReason::More { count, .. } = self.reason {
            usize::try_from(count).unwrap_or(usize::MAX)
        } else {
            1
        }
    }
}

/// Splits and decodes one webhook body. Never fails as a whole: what cannot be used is in [`Batch::rejected`].
///
/// `now` bounds the accepted event times, see [`ACCEPTED_FROM`] and [`ACCEPTED_AHEAD`].
///
/// A body that stops being JSON somewhere keeps the elements before that place. The rest of it becomes one rejected
/// item, as nobody can say where the next element of a broken text begins.
///
/// What is made of a body is bounded, whatever is in it: see [`MAX_HELD_BYTES`], [`MAX_ITEMS`],
/// [`MAX_REJECTED_ITEMS`] and [`MAX_EVENT_BYTES`]. Every item is still counted.
pub fn parse_batch(body: &[u8], now: OffsetDateTime) -> Batch<'_> {
    let mut decoder = Decoder::new(now);
    let mut held = Held::default();
    for element in Elements::of(body) {
        let outcome = match element.problem {
            Some(reason) => Err(reason),
            None if !held.has_room(element.ordinal, decoder.held_bytes()) => {
                Err(RejectReason::BatchTooLarge)
            }
            None => decoder.decode(&element),
        };
        match outcome {
            Ok(Some(event)) => held.add(event),
            Ok(None) => {}
            Err(reason) => held.reject(element.ordinal, reason, element.raw),
        }
    }
    held.finish(decoder.sanitized())
}
