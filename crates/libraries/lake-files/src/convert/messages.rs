//! From the archived messages of the forwarding queue to rows.
//!
//! A message is a body as mParticle posted it. It is read by `event_model::mparticle`, as the forwarder reads it, so that both find
//! the same events, by the same ids, names and times: each event is a row, with what its batch says of all of them, and a
//! request to treat two users as one is a row too. What the forwarder would reject as unreadable is a rejection with the same reason.
//! A batch without events makes no row, as it makes no event.

mod line;
mod rest;

use std::{io::Write, ops::RangeInclusive};

use event_model::mparticle::{
    ArchivedMessage, Batch, Entry, Item, accepted_times, for_each_item, text_id,
};

use self::line::BatchLine;
use super::{
    ConvertError, Converter, Parts,
    fault::{Fault, Reason},
    instant, json,
    records::replace_lone_surrogates,
    sink::{Rejected, Sink},
};

/// What one message may become. Every event has all that its batch says, so that a body of 1 MiB could become
/// terabytes.
const MAX_MESSAGE_BYTES: usize = 256 << 20;

/// Turns messages into rows and rejections.
pub(crate) struct Messages<'a, W> {
    converter: Converter<'a, W>,
    parts: Parts<'a>,
    /// The first instant that the table's partitions cover.
    first_ms: i64,
    /// When the object arrived, for a body that does not say when it did.
    arrival_ms: i64,
    /// Why nothing more is read. What failed has nothing to do with what was read.
    failure: Option<ConvertError>,
    line: Vec<u8>,
}

/// A message that is being read.
struct Message<'m> {
    sent_at: Option<&'m str>,
    accepted: RangeInclusive<i64>,
    offset: u64,
    /// What its rows may still take.
    room: usize,
}

impl<'a, W: Write> Messages<'a, W> {
    pub(crate) fn new(
        converter: Converter<'a, W>,
        parts: Parts<'a>,
        first_ms: i64,
        arrival_ms: i64,
    ) -> Self {
        Self {
            converter,
            parts,
            first_ms,
            arrival_ms,
            failure: None,
            line: Vec::new(),
        }
    }

    /// What became of the messages.
    pub(crate) fn finish(self) -> Result<(Converter<'a, W>, Parts<'a>), ConvertError> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok((self.converter, self.parts)),
        }
    }

    fn read_item(&mut self, item: Item<'_>, json: &str, message: &mut Message<'_>) {
        if self.failure.is_some() {
            return;
        }
        if self.converter.is_erased(json.as_bytes()) {
            let count = match &item {
                Item::Batch(batch) => batch.event_count(),
                Item::Alias | Item::Refused(_) => 1,
            };
            self.converter.erased_count += u64::try_from(count).unwrap_or(u64::MAX);
            return;
        }
        match item {
            Item::Batch(batch) => self.read_batch(&batch, json, message),
            Item::Alias => {
                line::write_alias(
                    &mut self.line,
                    &text_id("alias", json),
                    message.sent_at,
                    json,
                );
                self.take_line(json, message);
            }
            Item::Refused(refusal) => {
                let reason = Reason::Body(refusal.code());
                self.reject(json, reason, refusal.to_string(), message);
            }
        }
    }

    fn read_batch(&mut self, batch: &Batch<'_>, json: &str, message: &mut Message<'_>) {
        let batch_line = BatchLine::of(batch, json);
        let event_count = batch.event_count();
        let bytes = event_count.saturating_mul(batch_line.len());
        if bytes > message.room {
            let detail = format!(
                "its batch says {} bytes of each of {} events, and the message's rows would take more than {MAX_MESSAGE_BYTES} in all",
                batch_line.len(),
                event_count,
            );
            return self.reject(json, Reason::TooMuch, detail, message);
        }
        message.room -= bytes;
        for entry in batch.events() {
            match entry {
                Entry::Event(event) => {
                    let event_json = event.json;
                    batch_line.write_event(
                        &mut self.line,
                        &event,
                        batch,
                        message.sent_at,
                        &message.accepted,
                    );
                    self.take_line(event_json, message);
                }
                Entry::Other(other) => self.reject(
                    other.json().unwrap_or("null"),
                    Reason::Body("not_an_event"),
                    "an element of events is not an object".to_owned(),
                    message,
                ),
            }
            if self.failure.is_some() {
                return;
            }
        }
    }

    /// Makes a row of the line that was written, of which `json` is what was sent.
    fn take_line(&mut self, json: &str, message: &Message<'_>) {
        let line = std::mem::take(&mut self.line);
        let mut result = self.converter.read_row(&line);
        if let Err(Fault::LoneSurrogate { .. }) = result {
            let sanitized = replace_lone_surrogates(&line);
            result = self.converter.read_row(&sanitized);
        }
        if let Err(fault) = result {
            let (reason, detail) = fault.into_reason();
            self.reject(json, reason, detail, message);
        }
        self.line = line;
        self.line.clear();
        if self.converter.is_full() {
            self.failure = self.parts.append(&mut self.converter.rows).err();
        }
    }

    fn reject(&mut self, json: &str, reason: Reason, detail: String, message: &Message<'_>) {
        self.converter.reject(Rejected {
            offset: message.offset,
            bytes: json.as_bytes(),
            reason,
            detail: detail.into(),
        });
    }
}

impl<W: Write> Sink for Messages<'_, W> {
    /// Reads one message. An object that is none is taken for a body, as it would be if somebody had put it there.
    fn object(&mut self, tail: &[u8], offset: u64) -> Result<usize, Fault> {
        let len = json::value_len(tail)?;
        let object = &tail[..len];
        let text =
            std::str::from_utf8(object).map_err(|error| json::not_utf8(error.valid_up_to()))?;
        let archived = serde_json::from_str::<ArchivedMessage<'_>>(text).ok();
        let sent_at_ms = archived.as_ref().and_then(ArchivedMessage::sent_at_ms);
        let accepted = accepted_times(sent_at_ms.unwrap_or(self.arrival_ms));
        let mut message = Message {
            sent_at: archived
                .as_ref()
                .filter(|_| sent_at_ms.is_some())
                .map(|archived| &*archived.sent_at),
            accepted: self.first_ms.max(*accepted.start())..=(*accepted.end()).min(instant::LAST),
            offset,
            room: MAX_MESSAGE_BYTES,
        };
        let body = archived.as_ref().map_or(text, |archived| &*archived.body);
        for_each_item(body, |item, json| self.read_item(item, json, &mut message));
        Ok(len)
    }

    fn reject(&mut self, rejected: Rejected<'_>) {
        self.converter.reject(rejected);
    }
}
