//! The result of mapping a webhook body, within bounds.
//!
//! A body has at most 1 MiB, but its result may be larger: `0,` in a list of events becomes a rejection of a hundred
//! bytes, and a member of a batch becomes a field of each of its events. So the memory is counted. Events beyond the
//! limit are only counted, with their outcome; the archive has the body.

use std::collections::BTreeMap;

use super::{Call, Note, Outcome, RejectReason, SkipReason};
use event_model::mparticle::EventType;

/// How many events of one body are rejected individually, and how many are skipped individually.
pub const MAX_SINGLE_REJECTIONS: usize = 1_000;

/// The most bytes for the calls of one body. Events of 50 bytes, the smallest that are sent, take 10 MiB if they fill a
/// body of 1 MiB.
pub const MAX_CALL_BYTES: usize = 16 << 20;

/// The memory of a call in addition to its texts: the struct, the allocations of its texts, and its index entry.
const CALL_OVERHEAD_BYTES: usize = size_of::<Call>() + 160;

/// The result of mapping a webhook body.
#[derive(Clone, Debug, Default)]
pub struct Mapped<'a> {
    /// The events in their order. Something that is not a batch counts as one event.
    pub events: Vec<MappedEvent<'a>>,
    /// Profile updates that are sent in addition, if configured.
    pub profiles: Vec<Call>,
    /// The events beyond the limits of `events`; usually none.
    pub more: More,
    /// The ordinal of the next event.
    ordinal: u32,
    single_rejections: usize,
    single_skips: usize,
    /// The size of all calls so far.
    call_bytes: usize,
}

/// The result of mapping an event.
#[derive(Clone, Debug)]
pub struct MappedEvent<'a> {
    /// Its index in the body, from 0, by which [`select_events`](event_model::mparticle::select_events) selects it.
    pub ordinal: u32,
    /// Its type.
    pub event_type: EventType<'a>,
    /// Its outcome.
    pub outcome: Outcome,
}

/// Events that are only counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct More {
    /// How many are left out, by reason.
    pub skipped: BTreeMap<SkipReason, u64>,
    /// How many are rejected, by reason.
    pub rejected: BTreeMap<RejectReason, u64>,
    /// The ordinals of the first and the last of those rejected.
    pub rejected_ordinals: Option<(u32, u32)>,
}

impl More {
    /// How many are rejected.
    pub fn rejected_count(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Counts a rejected event.
    pub fn reject(&mut self, reason: RejectReason, ordinal: u32) {
        *self.rejected.entry(reason).or_default() += 1;
        self.extend_ordinals((ordinal, ordinal));
    }

    /// Adds other counts to these.
    pub fn add(&mut self, other: &Self) {
        for (reason, count) in &other.skipped {
            *self.skipped.entry(*reason).or_default() += count;
        }
        for (reason, count) in &other.rejected {
            *self.rejected.entry(*reason).or_default() += count;
        }
        if let Some(ordinals) = other.rejected_ordinals {
            self.extend_ordinals(ordinals);
        }
    }

    fn extend_ordinals(&mut self, (first, last): (u32, u32)) {
        self.rejected_ordinals = Some(match self.rejected_ordinals {
            None => (first, last),
            Some((other_first, other_last)) => (first.min(other_first), last.max(other_last)),
        });
    }
}

impl<'a> Mapped<'a> {
    /// Whether there is room for another call.
    pub(super) fn has_room(&self) -> bool {
        self.call_bytes < MAX_CALL_BYTES
    }

    /// The size of the calls, in bytes.
    pub fn call_bytes(&self) -> usize {
        self.call_bytes
    }

    pub(super) fn push(&mut self, event_type: EventType<'a>, outcome: Outcome) {
        let ordinal = self.ordinal;
        self.ordinal = self.ordinal.saturating_add(1);
        match &outcome {
            Outcome::Send(call) => self.call_bytes += held_bytes(call),
            Outcome::Skip(reason) if self.single_skips >= MAX_SINGLE_REJECTIONS => {
                *self.more.skipped.entry(*reason).or_default() += 1;
                return;
            }
            Outcome::Skip(_) => self.single_skips += 1,
            Outcome::Reject(rejection, _) if self.single_rejections >= MAX_SINGLE_REJECTIONS => {
                self.more.reject(rejection.reason, ordinal);
                return;
            }
            Outcome::Reject(..) => self.single_rejections += 1,
        }
        self.events.push(MappedEvent {
            ordinal,
            event_type,
            outcome,
        });
    }

    /// Counts an event without storing it.
    pub(super) fn push_none(&mut self) {
        self.more.reject(RejectReason::TooManyEvents, self.ordinal);
        self.ordinal = self.ordinal.saturating_add(1);
    }

    /// Adds a profile update if there is room for it, and counts it otherwise. It is no element of the body, so it has no
    /// ordinal of its own: it counts with the event before it.
    pub(super) fn push_profile(&mut self, call: Call) {
        if self.has_room() {
            self.call_bytes += held_bytes(&call);
            self.profiles.push(call);
        } else {
            let last = self.ordinal.saturating_sub(1);
            self.more.reject(RejectReason::TooManyEvents, last);
        }
    }
}

fn held_bytes(call: &Call) -> usize {
    // The id is stored twice: the second time as the key of the index.
    let of_notes: usize = call
        .notes
        .iter()
        .map(|note| size_of::<Note>() + note.field().map_or(0, str::len))
        .sum();
    let texts = 2 * call.id.capacity() + call.event_name.capacity() + call.json.capacity();
    CALL_OVERHEAD_BYTES + texts + of_notes
}
