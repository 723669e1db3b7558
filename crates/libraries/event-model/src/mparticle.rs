//! mParticle's webhook batches, inbound and outbound form.
//!
//! Differences between the public samples and the documentation are accepted: identities as an object or as an array,
//! 64-bit integers as numbers or as strings, `null` wherever a value may be absent, a batch without events, a repeated
//! key, an array of batches. A field of an unexpected type counts as absent and never costs its event; event types and
//! undocumented fields are kept as they were sent.
//!
//! Format: <https://docs.mparticle.com/developers/server/json-reference/>.

mod archived_message;
mod batch;
mod commerce;
mod elements;
mod event;
mod event_id;
mod event_time;
mod event_type;
mod field;
mod foreign;
mod identity;
mod names;
mod number;
mod object;
mod selection;

pub use self::archived_message::ArchivedMessage;
pub use self::batch::{Batch, Environment};
pub use self::commerce::{Commerce, Product, ProductAction, Promotion, PromotionAction};
pub use self::event::{Entry, Event, EventData};
pub use self::event_id::{event_id, text_id};
pub use self::event_time::{ACCEPTED_AHEAD_MS, ACCEPTED_FROM_MS, accepted_times};
pub use self::event_type::EventType;
pub use self::field::{Entries, Field, Kind};
pub use self::identity::{Identities, Identity};
pub use self::names::Names;
pub use self::number::{Decimal, Int64};
pub use self::selection::{Numbered, find_events, select_events};

use serde::de::IgnoredAny;

use self::batch::{Element, visit_elements};
use crate::ByteForm;

/// One part of a webhook body: the body itself, or an element of its array.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// A batch: one user's events, possibly none.
    Batch(Box<Batch<'a>>),
    /// A request to merge two users, which mParticle sends if configured. It has no events.
    Alias,
    /// Something that is not a batch.
    Refused(Refusal),
}

/// Why a body, or an element of its array, is not a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not JSON, with the position of the error.
    #[error("not JSON: {0}")]
    MalformedJson(String),
    /// Compressed, or text in another encoding than UTF-8.
    #[error("{0}, not JSON text: send it uncompressed, in UTF-8")]
    Encoded(ByteForm),
    /// JSON without any member of a batch.
    #[error("no mParticle batch: none of the fields of a batch is there")]
    NotABatch,
    /// The envelope of another sender.
    #[error("no mParticle batch: it looks like {0}")]
    Envelope(&'static str),
    /// A single event, without the batch that identifies its user.
    #[error("a single event, not a batch: whose it is cannot be known")]
    BareEvent,
    /// The format that mParticle sends to its partners' functions.
    #[error(
        "mParticle's partner format (\"firehose\"), which names things differently: set up a webhook output instead"
    )]
    FirehoseFormat,
}

impl Refusal {
    /// Why `text` is not JSON.
    fn malformed(text: &str, error: &serde_json::Error) -> Self {
        match ByteForm::of_text(text) {
            Some(form) => Self::Encoded(form),
            None => Self::MalformedJson(error.to_string()),
        }
    }

    /// A short fixed name, for metrics and for files of rejected items.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MalformedJson(_) => "malformed_json",
            Self::Encoded(_) => "encoded",
            Self::NotABatch | Self::Envelope(_) => "not_a_batch",
            Self::BareEvent => "bare_event",
            Self::FirehoseFormat => "firehose_format",
        }
    }
}

/// Splits a webhook body. Never fails: a part that is not a batch is an [`Item::Refused`].
///
/// An array becomes one item per element, so an empty one becomes none.
pub fn parse(body: &str) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    for_each_item(body, |item, _| items.push(item));
    items
}

/// As [`parse`], one item after the other, each with its text, for bodies with an unknown number of them.
pub fn for_each_item<'a>(body: &'a str, mut visit: impl FnMut(Item<'a>, &'a str)) {
    // A byte order mark is not part of the text. Senders that write files first add one.
    let text = body.trim_start_matches(|c: char| c == '\u{feff}' || c.is_ascii_whitespace());
    let outcome = if text.starts_with('[') {
        // The whole body must be valid JSON before any part of it counts.
        serde_json::from_str::<IgnoredAny>(text).and_then(|_| visit_elements(text, &mut visit))
    } else {
        visit(Element::item(text), text);
        Ok(())
    };
    if let Err(error) = outcome {
        visit(
            Item::Refused(Refusal::MalformedJson(error.to_string())),
            text,
        );
    }
}
