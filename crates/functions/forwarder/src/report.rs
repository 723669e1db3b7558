//! The counts of a run.

use std::collections::BTreeMap;

use event_mapping::{More, Note, RejectReason, SkipReason};
use function_kit::metrics::{Metric, Tally};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "why", content = "detail")]
pub enum RunEnd {
    /// There were no more messages.
    QueueEmpty,
    /// The time was used up; the next run continues.
    OutOfTime,
    /// The destination accepted no requests until the time was used up.
    DestinationUnavailable(String),
    /// The destination refuses the key or the address: an operator must act.
    DestinationRefused(String),
    /// The queue could not be read.
    QueueFailed(String),
    /// Received messages could not be archived.
    ArchiveFailed(String),
}

/// The outcomes of the events of deleted messages: `received = sent + skipped + rejected`.
///
/// An event is counted when its message is deleted, so one whose message is delivered again is counted once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Accepted by the destination.
    pub sent: u64,
    /// Left out on purpose.
    pub skipped: BTreeMap<SkipReason, u64>,
    /// Not usable, and stored with a reason.
    pub rejected: BTreeMap<RejectReason, u64>,
    /// Of the sent ones, those that were over a day old.
    pub late: u64,
    /// Changes and omissions that were necessary to send events.
    pub notes: BTreeMap<&'static str, u64>,
}

/// The outcomes of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MessageCounts {
    /// Received, and written to the archive.
    pub archived: u64,
    /// Resolved and deleted.
    pub deleted: u64,
    /// Released to be received again.
    pub released: u64,
    /// Moved to the dead-letter queue, because runs ended while processing only this one.
    #[serde(skip_serializing_if = "is_zero")]
    pub dead: u64,
    /// Resolved and not deleted, because SQS failed: they are delivered again, and their events are sent again under the same ids.
    pub not_deleted: u64,
}

/// The report of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// Why it ended.
    pub end: RunEnd,
    /// The outcomes of events.
    pub events: EventCounts,
    /// The outcomes of messages.
    pub messages: MessageCounts,
    /// Requests to the destination.
    pub requests: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl EventCounts {
    /// All events.
    pub fn received(&self) -> u64 {
        self.sent + self.skipped_total() + self.rejected_total()
    }

    /// All events left out.
    pub fn skipped_total(&self) -> u64 {
        self.skipped.values().sum()
    }

    /// All events rejected.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    pub(crate) fn skip(&mut self, reason: SkipReason) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    pub(crate) fn reject(&mut self, reason: RejectReason) {
        *self.rejected.entry(reason).or_default() += 1;
    }

    /// Counts events that the mapping only counted.
    pub(crate) fn add_more(&mut self, more: &More) {
        add_all(&mut self.skipped, &more.skipped);
        add_all(&mut self.rejected, &more.rejected);
    }

    pub(crate) fn send(&mut self, is_late: bool, notes: &[Note]) {
        self.sent += 1;
        self.late += u64::from(is_late);
        for note in notes {
            *self.notes.entry(note.code()).or_default() += 1;
        }
    }

    /// Adds other counts to these.
    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.late += other.late;
        add_all(&mut self.skipped, &other.skipped);
        add_all(&mut self.rejected, &other.rejected);
        add_all(&mut self.notes, &other.notes);
    }

    /// The counts as metrics.
    pub(crate) fn add_to(&self, tally: &mut Tally) {
        tally.add(Metric::Received, self.received());
        tally.add(Metric::Sent, self.sent);
        tally.add(Metric::Skipped, self.skipped_total());
        tally.add(Metric::Rejected, self.rejected_total());
        tally.add(Metric::Late, self.late);
    }

    /// The counts by reason, for a log line.
    pub(crate) fn reasons(&self) -> Map<String, Value> {
        let skipped = self
            .skipped
            .iter()
            .map(|(reason, count)| (reason.code(), count));
        let rejected = self
            .rejected
            .iter()
            .map(|(reason, count)| (reason.code(), count));
        let mut reasons = Map::new();
        reasons.insert("skipped_by_reason".to_owned(), by_code(skipped));
        reasons.insert("rejected_by_reason".to_owned(), by_code(rejected));
        reasons.insert(
            "notes".to_owned(),
            by_code(self.notes.iter().map(|(code, count)| (*code, count))),
        );
        reasons
    }
}

impl RunReport {
    /// The report as a function's response.
    pub fn to_json(&self) -> Value {
        let mut events = self.events.reasons();
        let totals = [
            ("received", self.events.received()),
            ("sent", self.events.sent),
            ("skipped", self.events.skipped_total()),
            ("rejected", self.events.rejected_total()),
            ("late", self.events.late),
        ];
        events.extend(totals.map(|(name, count)| (name.to_owned(), count.into())));
        json!({ "end": self.end, "events": events, "messages": self.messages, "requests": self.requests })
    }
}

fn by_code<'a>(counts: impl Iterator<Item = (&'static str, &'a u64)>) -> Value {
    counts
        .map(|(code, count)| (code.to_owned(), Value::from(*count)))
        .collect::<Map<_, _>>()
        .into()
}

fn add_all<K: Ord + Clone>(counts: &mut BTreeMap<K, u64>, others: &BTreeMap<K, u64>) {
    for (reason, count) in others {
        *counts.entry(reason.clone()).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_are_shown_by_reason() {
        let mut one = EventCounts::default();
        one.send(true, &[Note::TotalComputed]);
        one.skip(SkipReason::TypeOff);
        let mut other = EventCounts::default();
        other.skip(SkipReason::TypeOff);
        other.reject(RejectReason::TooOld);
        one.add(&other);

        let report = RunReport {
            end: RunEnd::DestinationRefused("status 401".to_owned()),
            events: one,
            messages: MessageCounts {
                deleted: 2,
                ..MessageCounts::default()
            },
            requests: 1,
        };

        assert_eq!(
            report.to_json(),
            json!({
                "end": { "why": "destination_refused", "detail": "status 401" },
                "events": {
                    "received": 4, "sent": 1, "skipped": 2, "rejected": 1, "late": 1,
                    "skipped_by_reason": { "type_off": 2 },
                    "rejected_by_reason": { "too_old_for_destination": 1 },
                    "notes": { "total_computed": 1 },
                },
                "messages": { "archived": 0, "deleted": 2, "released": 0, "not_deleted": 0 },
                "requests": 1,
            })
        );
    }
}
