//! mParticle's webhook batches, inbound and outbound form.
//!
//! What the public samples and the documentation show to differ is read alike: identities as an object or as an array,
//! 64-bit integers as numbers or as strings, `null` wherever a value may be absent, a batch without events, a key sent
//! twice, an array of batches. A field of an unexpected kind counts as absent and never costs its event; event types
//! and fields that nobody has documented yet are kept as they were sent.
//!
//! Format: <https://docs.mparticle.com/developers/server/json-reference/>.

mod archived_message;
mod batch;
mod commerce;
mod event;
mod event_type;
mod field;
mod identity;
mod number;
mod object;
mod text;

pub use self::archived_message::ArchivedMessage;
pub use self::batch::{Batch, Environment};
pub use self::commerce::{Commerce, Product, ProductAction, Promotion, PromotionAction};
pub use self::event::{Event, EventData};
pub use self::event_type::EventType;
pub use self::field::{Entries, Field, Kind, last_places};
pub use self::identity::{Identities, Identity};
pub use self::number::{Decimal, Int64};

use serde::de::IgnoredAny;

use self::batch::{Element, visit_elements};

/// One part of a webhook body: the body itself, or an element of its array.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// A batch: one user's events, possibly none.
    Batch(Box<Batch<'a>>),
    /// A request to treat two users as one, which mParticle sends when told to. It holds no events.
    Alias,
    /// Something that is no batch.
    Refused(Refusal),
}

/// Why a body, or an element of its array, is no batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not JSON, with the place where it stops being so.
    #[error("not JSON: {0}")]
    MalformedJson(String),
    /// JSON, but nothing in it that a batch has.
    #[error("no mParticle batch: none of the fields of a batch is there")]
    NotABatch,
    /// A single event, without the batch that would say whose it is.
    #[error("a single event, not a batch: whose it is cannot be known")]
    BareEvent,
    /// The format that mParticle sends to the functions of its partners.
    #[error(
        "mParticle's partner format (\"firehose\"), which names things differently: set up a webhook output instead"
    )]
    FirehoseFormat,
}

impl Refusal {
    /// A short fixed name, for metrics and for files of rejected things.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MalformedJson(_) => "malformed_json",
            Self::NotABatch => "not_a_batch",
            Self::BareEvent => "bare_event",
            Self::FirehoseFormat => "firehose_format",
        }
    }
}

/// Takes a webhook body apart. Never fails as a whole: what is no batch is an [`Item::Refused`].
///
/// An array gives one item per element, so an empty one gives none.
pub fn parse(body: &str) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    for_each_item(body, |item| items.push(item));
    items
}

/// As [`parse`], one item after the other, for bodies of which nobody knows how many they hold.
pub fn for_each_item<'a>(body: &'a str, mut visit: impl FnMut(Item<'a>)) {
    // A mark is no part of the text. Senders that write files first put one in front.
    let text = body.trim_start_matches(|c: char| c == '\u{feff}' || c.is_ascii_whitespace());
    let outcome = if text.starts_with('[') {
        // All of it must be JSON before any of it counts.
        serde_json::from_str::<IgnoredAny>(text).and_then(|_| visit_elements(text, &mut visit))
    } else {
        serde_json::from_str::<Element<'_>>(text).map(|element| visit(element.classify()))
    };
    if let Err(error) = outcome {
        visit(Item::Refused(Refusal::MalformedJson(error.to_string())));
    }
}
