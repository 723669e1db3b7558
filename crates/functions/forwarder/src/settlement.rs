//! How each message of a delivered chunk ends. Pure.

use std::time::Duration;

use aws_io::queue::ReceivedMessage;
use event_mapping::{
    MAX_SINGLE_REJECTIONS, More, RejectReason, Rejection, SkipReason, iterable::User,
};
use serde::Serialize;

use crate::{
    chunk::{Chunk, EventState, HeldMessage},
    decision::Fate,
    release::{GivenBack, Hiding},
    report::EventCounts,
};

/// Events older than this when they are sent are counted, as their destination may treat them differently.
const LATE_AFTER_MS: i64 = 24 * 60 * 60 * 1_000;

/// Lines of rejections are written down whenever there are so many bytes of them.
const FULL_LINES_BYTES: usize = 4 << 20;

/// What becomes of events whose user the destination does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownUsers {
    /// They are tried again in later runs, for some time, and rejected then.
    Retry,
    /// Their users are made, and they are tried again in later runs as above.
    Create,
    /// They are skipped.
    Drop,
}

/// What settling depends on beside the chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) unknown_users: UnknownUsers,
    /// How long after its message was sent an event may wait for its user.
    pub(crate) unknown_user_patience: Duration,
    /// Milliseconds since the Unix epoch.
    pub(crate) now_ms: i64,
    /// Why events about which nothing is known are given back.
    pub(crate) open_because: GivenBack,
    pub(crate) hiding: Hiding,
}

/// A delivered chunk, sorted.
#[derive(Debug, Default)]
pub(crate) struct Settlement {
    pub(crate) settled: Vec<SettledMessage>,
    /// Receipts of messages that go back, and for how long they stay hidden.
    pub(crate) given_back: Vec<(String, Duration)>,
    /// Users to be made, each once.
    pub(crate) unknown_users: Vec<User>,
}

/// A message of which every event has ended.
#[derive(Debug)]
pub(crate) struct SettledMessage {
    pub(crate) receipt_handle: String,
    pub(crate) receive_count: u32,
    pub(crate) counts: EventCounts,
    /// Lines about its rejected events, as NDJSON.
    pub(crate) rejected_lines: Vec<u8>,
    /// Rejected events without a line of their own.
    more: More,
    line_count: usize,
}

/// One line about a rejected event.
#[derive(Debug, Serialize)]
struct RejectedLine<'a> {
    reason: &'static str,
    detail: &'a str,
    /// The object that the message is archived in; nothing when that is for its earlier receives to say.
    #[serde(skip_serializing_if = "str::is_empty")]
    source_key: &'a str,
    message_id: &'a str,
    /// The event's place in the message, from 0.
    ordinal: usize,
    /// What was sent, or else the event as it came; nothing when only the message as a whole can be shown.
    #[serde(skip_serializing_if = "str::is_empty")]
    item: &'a str,
}

/// How an event has ended.
enum End<'a> {
    Sent {
        place: usize,
    },
    Skipped(SkipReason),
    Rejected {
        rejection: &'a Rejection,
        item: &'a str,
    },
    /// The user stayed unknown for too long.
    Forsaken {
        item: &'a str,
    },
}

/// Sorts the messages of a chunk by what became of its calls, from the message at `start` on, until there are enough lines
/// about rejections to be written down. Returns where to go on.
pub(crate) fn settle(
    chunk: &Chunk,
    fates: &[Option<Fate>],
    terms: &Terms,
    start: usize,
) -> (Settlement, usize) {
    let mut settlement = Settlement::default();
    let mut lines_bytes = 0;
    let mut next = start;
    for message in chunk.messages.iter().skip(start) {
        if lines_bytes >= FULL_LINES_BYTES {
            break;
        }
        next += 1;
        match message_end(chunk, message, fates, terms) {
            Ok(settled) => {
                lines_bytes += settled.rejected_lines.len();
                settlement.settled.push(settled);
            }
            Err(why) => {
                settlement.given_back.push((
                    message.receipt_handle.clone(),
                    terms.hiding.hidden_for(why, message.receive_count),
                ));
            }
        }
    }
    if terms.unknown_users == UnknownUsers::Create && start == 0 {
        settlement.unknown_users = unknown_users(chunk, fates);
    }
    (settlement, next)
}

/// The end of a message that is not to be looked into any more.
pub(crate) fn unreadable(message: &ReceivedMessage, rejection: &Rejection) -> SettledMessage {
    let mut settled = SettledMessage::new(&message.receipt_handle, message.receive_count);
    let source = LineSource {
        source_key: "",
        message_id: &message.id,
    };
    settled.reject(&source, 0, rejection, "");
    settled
}

fn unknown_users(chunk: &Chunk, fates: &[Option<Fate>]) -> Vec<User> {
    let unknown = chunk
        .calls
        .iter()
        .zip(fates)
        .filter(|(_, fate)| **fate == Some(Fate::UnknownUser));
    let mut users: Vec<User> = unknown.map(|(call, _)| call.user.clone()).collect();
    users.sort_unstable();
    users.dedup();
    users
}

/// A message ends with all of its events, or goes back with all of them: their ids make sending again safe.
fn message_end(
    chunk: &Chunk,
    message: &HeldMessage,
    fates: &[Option<Fate>],
    terms: &Terms,
) -> Result<SettledMessage, GivenBack> {
    let patience_ms = i64::try_from(terms.unknown_user_patience.as_millis()).unwrap_or(i64::MAX);
    let is_patient = terms.now_ms.saturating_sub(message.sent_at_ms) < patience_ms;
    let fate_of = |place: usize| {
        fates
            .get(place)
            .and_then(Option::as_ref)
            .ok_or(terms.open_because)
    };
    for place in &message.profiles {
        fate_of(*place)?;
    }

    let mut settled = SettledMessage::new(&message.receipt_handle, message.receive_count);
    for (ordinal, event) in message.events.iter().enumerate() {
        let end = match event {
            EventState::Skipped(reason) => End::Skipped(*reason),
            EventState::Rejected { rejection, item } => End::Rejected { rejection, item },
            EventState::Called { place, is_copy } => {
                let item = chunk
                    .calls
                    .get(*place)
                    .map(|call| call.json.as_str())
                    .unwrap_or_default();
                match fate_of(*place)? {
                    Fate::Sent if *is_copy => End::Skipped(SkipReason::Duplicate),
                    Fate::Sent => End::Sent { place: *place },
                    Fate::Rejected(rejection) => End::Rejected { rejection, item },
                    Fate::UnknownUser => match terms.unknown_users {
                        UnknownUsers::Drop => End::Skipped(SkipReason::UnknownUser),
                        UnknownUsers::Retry | UnknownUsers::Create if is_patient => {
                            return Err(GivenBack::UnknownUser);
                        }
                        UnknownUsers::Retry | UnknownUsers::Create => End::Forsaken { item },
                    },
                }
            }
        };
        settled.record(chunk, message, ordinal, &end, terms);
    }
    settled.record_more(chunk, message);
    Ok(settled)
}

/// Where a rejected event is from.
struct LineSource<'a> {
    source_key: &'a str,
    message_id: &'a str,
}

impl<'a> LineSource<'a> {
    fn of(chunk: &'a Chunk, message: &'a HeldMessage) -> Self {
        Self {
            source_key: &chunk.source_key,
            message_id: &message.id,
        }
    }
}

impl SettledMessage {
    fn new(receipt_handle: &str, receive_count: u32) -> Self {
        Self {
            receipt_handle: receipt_handle.to_owned(),
            receive_count,
            counts: EventCounts::default(),
            rejected_lines: Vec::new(),
            more: More::default(),
            line_count: 0,
        }
    }

    fn record(
        &mut self,
        chunk: &Chunk,
        message: &HeldMessage,
        ordinal: usize,
        end: &End<'_>,
        terms: &Terms,
    ) {
        let forsaken = RejectReason::UnknownUser
            .because("the destination did not come to know the user in time");
        let (rejection, item) = match end {
            End::Sent { place } => {
                let call = chunk.calls.get(*place);
                let at_ms = call.map_or(terms.now_ms, |call| call.at_ms);
                let is_late = terms.now_ms.saturating_sub(at_ms) > LATE_AFTER_MS;
                self.counts.send(
                    is_late,
                    call.map(|call| call.notes.as_slice()).unwrap_or_default(),
                );
                return;
            }
            End::Skipped(reason) => {
                self.counts.skip(*reason);
                return;
            }
            End::Rejected { rejection, item } => (*rejection, *item),
            End::Forsaken { item } => (&forsaken, *item),
        };
        self.reject(&LineSource::of(chunk, message), ordinal, rejection, item);
    }

    /// Counts a rejected event, and writes a line about it unless there are many of this message.
    fn reject(
        &mut self,
        source: &LineSource<'_>,
        ordinal: usize,
        rejection: &Rejection,
        item: &str,
    ) {
        self.counts.reject(rejection.reason);
        if self.line_count >= MAX_SINGLE_REJECTIONS {
            let ordinal = u32::try_from(ordinal).unwrap_or(u32::MAX);
            self.more.reject(rejection.reason, ordinal);
            return;
        }
        self.write_line(
            source,
            ordinal,
            rejection.reason.code(),
            &rejection.detail,
            item,
        );
    }

    /// Counts the events that were only counted, and writes one line about all that have none.
    fn record_more(&mut self, chunk: &Chunk, message: &HeldMessage) {
        self.counts.add_more(&message.more);
        let mut more = std::mem::take(&mut self.more);
        more.add(&message.more);
        let Some((first, last)) = more.rejected_places else {
            return;
        };
        let reasons = more.rejected.iter();
        let reasons: Vec<String> = reasons
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        let detail = format!(
            "{} more events, from this one up to place {last}, are rejected too ({}); the archive has them",
            more.rejected_count(),
            reasons.join(", "),
        );
        let ordinal = usize::try_from(first).unwrap_or(usize::MAX);
        self.write_line(
            &LineSource::of(chunk, message),
            ordinal,
            "more",
            &detail,
            "",
        );
    }

    fn write_line(
        &mut self,
        source: &LineSource<'_>,
        ordinal: usize,
        reason: &'static str,
        detail: &str,
        item: &str,
    ) {
        self.line_count += 1;
        let line = RejectedLine {
            reason,
            detail,
            source_key: source.source_key,
            message_id: source.message_id,
            ordinal,
            item,
        };
        serde_json::to_writer(&mut self.rejected_lines, &line)
            .expect("text fields are always JSON, and a vector takes them");
        self.rejected_lines.push(b'\n');
    }
}

#[cfg(test)]
mod tests;
