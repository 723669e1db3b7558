//! A message with the results of all its events: counts, and lines about rejected events.

use aws_io::queue::ReceivedMessage;
use event_mapping::{MAX_SINGLE_REJECTIONS, More, Rejection};
use event_model::rejected::RejectedLine;

use crate::report::EventCounts;

/// A message with the results of all its events.
#[derive(Debug)]
pub(crate) struct ResolvedMessage {
    pub(crate) receipt_handle: String,
    pub(crate) receive_count: u32,
    pub(crate) counts: EventCounts,
    /// Lines about its rejected events, as NDJSON.
    pub(crate) rejected_lines: Vec<u8>,
    /// Rejected events without a line of their own.
    more: More,
    line_count: usize,
}

/// The source of a rejected event.
pub(crate) struct LineSource<'a> {
    /// The object with the archived message; empty if only earlier runs archived it.
    pub(crate) source_key: &'a str,
    pub(crate) message_id: &'a str,
}

impl ResolvedMessage {
    pub(crate) fn new(receipt_handle: &str, receive_count: u32) -> Self {
        Self {
            receipt_handle: receipt_handle.to_owned(),
            receive_count,
            counts: EventCounts::default(),
            rejected_lines: Vec::new(),
            more: More::default(),
            line_count: 0,
        }
    }

    /// A message that is rejected as a whole, without being parsed.
    pub(crate) fn unparsed(message: &ReceivedMessage, rejection: &Rejection) -> Self {
        let mut resolved = Self::new(&message.receipt_handle, message.receive_count);
        let source = LineSource {
            source_key: "",
            message_id: &message.id,
        };
        resolved.reject(&source, 0, rejection, "");
        resolved
    }

    /// Counts a rejected event, and writes a line about it unless there are many of this message. `item` is the item
    /// that was sent, or else the event as received; empty if it is not an event, or only the whole message is known.
    pub(crate) fn reject(
        &mut self,
        source: &LineSource<'_>,
        ordinal: u32,
        rejection: &Rejection,
        item: &str,
    ) {
        self.counts.reject(rejection.reason);
        if self.line_count >= MAX_SINGLE_REJECTIONS {
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

    /// Counts the events that the mapping only counted, and writes one line for all rejected events without one.
    pub(crate) fn add_more(&mut self, source: &LineSource<'_>, counted: &More) {
        self.counts.add_more(counted);
        let mut more = std::mem::take(&mut self.more);
        more.add(counted);
        let Some((first, last)) = more.rejected_ordinals else {
            return;
        };
        let reasons: Vec<String> = more
            .rejected
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        let detail = format!(
            "{} more events, from this one up to ordinal {last}, are rejected too ({}); the archive has them",
            more.rejected_count(),
            reasons.join(", "),
        );
        self.write_line(source, first, "more", &detail, "");
    }

    fn write_line(
        &mut self,
        source: &LineSource<'_>,
        ordinal: u32,
        reason: &'static str,
        detail: &str,
        item: &str,
    ) {
        self.line_count += 1;
        let line = RejectedLine {
            reason,
            detail,
            source_key: Some(source.source_key).filter(|key| !key.is_empty()),
            message_id: Some(source.message_id),
            ordinal: Some(ordinal.into()),
            item: Some(item).filter(|item| !item.is_empty()),
            ..RejectedLine::default()
        };
        line.append_to(&mut self.rejected_lines);
    }
}
