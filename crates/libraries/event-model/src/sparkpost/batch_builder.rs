//! The memory for the results of a batch, and its limit.
//!
//! The size of a body is limited elsewhere. Its rejections are not limited by that: a number of two bytes becomes a
//! rejection of a hundred, an event of forty bytes one of three hundred. So their size is counted, and those beyond the
//! limit are only counted.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Batch, Event, RejectReason, RejectedItem};

/// The most bytes for the events of a batch, in addition to its body: 64 MiB, some 200,000 of the smallest events. That
/// is three times the real ones that a body of 32 MiB can contain, which have 500 bytes and more, and twenty times what
/// SparkPost sends at once. It fits a function of 256 MB, and such a batch loads within one invocation; otherwise it
/// would be retried until its message reaches the dead-letter queue.
pub const MAX_DECODED_BYTES: usize = 64 << 20;

/// How many items of a batch are rejected individually. All further ones are one rejection with their number.
pub const MAX_REJECTED_ITEMS: usize = 1_000;

/// How many items of a batch are decoded. A body of 32 MiB may have sixteen million, which would take longer than an
/// invocation.
pub const MAX_ITEMS: u32 = 1_000_000;

/// The longest event, in bytes of its element. Repairing and storing it takes several times as much memory.
pub const MAX_EVENT_BYTES: usize = 4 << 20;

/// The overhead of an allocation.
const ALLOCATION_BYTES: usize = 32;

/// A batch under construction.
#[derive(Debug, Default)]
pub(super) struct BatchBuilder<'a> {
    batch: Batch<'a>,
    bytes: usize,
    more: Option<More>,
}

/// Items that are only counted.
#[derive(Debug)]
struct More {
    first: u32,
    last: u32,
    count: u32,
    /// How many have each reason.
    codes: BTreeMap<&'static str, u32>,
}

impl<'a> BatchBuilder<'a> {
    /// Whether to decode the item at `ordinal`; `beside` is the memory that events take elsewhere.
    pub(super) fn has_room(&self, ordinal: u32, beside: usize) -> bool {
        ordinal < MAX_ITEMS && self.bytes.saturating_add(beside) < MAX_DECODED_BYTES
    }

    pub(super) fn add(&mut self, event: Event<'a>) {
        self.bytes = self.bytes.saturating_add(memory_bytes(&event));
        self.batch.events.push(event);
    }

    pub(super) fn reject(&mut self, ordinal: u32, reason: RejectReason, raw: &'a [u8]) {
        if self.batch.rejected.len() < MAX_REJECTED_ITEMS {
            let raw = Cow::Borrowed(raw);
            self.batch.rejected.push(RejectedItem {
                ordinal,
                reason,
                raw,
            });
        } else {
            self.count_only(ordinal, reason.code());
        }
    }

    fn count_only(&mut self, ordinal: u32, code: &'static str) {
        let more = self.more.get_or_insert(More {
            first: ordinal,
            last: ordinal,
            count: 0,
            codes: BTreeMap::new(),
        });
        more.last = ordinal;
        more.count = more.count.saturating_add(1);
        let count = more.codes.entry(code).or_default();
        *count = count.saturating_add(1);
    }

    pub(super) fn finish(mut self, sanitized: usize) -> Batch<'a> {
        if let Some(more) = self.more {
            self.batch.rejected.push(RejectedItem {
                ordinal: more.first,
                reason: more.reason(),
                raw: Cow::Borrowed(&[]),
            });
        }
        self.batch.sanitized = sanitized;
        self.batch
    }
}

impl More {
    fn reason(&self) -> RejectReason {
        let mut codes = String::new();
        for (code, count) in &self.codes {
            let separator = if codes.is_empty() { "" } else { ", " };
            let _ = write!(codes, "{separator}{count} {code}");
        }
        RejectReason::More {
            count: self.count,
            last: self.last,
            codes,
        }
    }
}

/// The memory of an event in addition to the body. Only owned text counts with its length.
fn memory_bytes(event: &Event<'_>) -> usize {
    let owned = |text: &Cow<'_, str>| match text {
        Cow::Borrowed(_) => 0,
        Cow::Owned(text) => text.capacity() + ALLOCATION_BYTES,
    };
    let optional = [
        &event.transmission_id,
        &event.message_id,
        &event.rcpt_to,
        &event.recipient_domain,
        &event.campaign_id,
        &event.template_id,
        &event.subject,
        &event.friendly_from,
        &event.sending_domain,
        &event.reason,
    ];
    let optional: usize = optional.into_iter().flatten().map(owned).sum();
    size_of::<Event<'_>>() + optional + owned(&event.event_type) + owned(&event.payload)
}
