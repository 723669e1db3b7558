//! Shows what a body would become, without sending anything.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Arrival, Call, Mapper, Note, Outcome};
use event_model::mparticle::{ArchivedMessage, EventType};

/// What a file of webhook bodies would become.
#[derive(Debug, Default, Serialize)]
pub struct DryRun {
    /// How many events there are: `events = sent + skipped + rejected`.
    pub event_count: u64,
    /// How many would be sent.
    pub sent: u64,
    /// How many would be left out, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// How many would be rejected, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Every event in its order, up to the limits of memory: see [`Mapped::more`](super::Mapped::more).
    pub events: Vec<DryRunEvent>,
    /// The profile updates beside them.
    pub profiles: Vec<Box<RawValue>>,
}

/// The result for one event.
#[derive(Debug, Serialize)]
pub struct DryRunEvent {
    /// The index of its body: the line, in a file of lines.
    pub body: usize,
    /// Its index in the body.
    pub ordinal: u32,
    /// Its type; empty if it is not an event.
    pub event_type: String,
    /// `send`, `skip` or `reject`.
    pub outcome: &'static str,
    /// The reason, if it would not be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The details of a rejection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The operation: `track`, `purchase` or `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<&'static str>,
    /// The item that would be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<RawValue>>,
    /// Changes and omissions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Maps a file: one body, or one a line, or lines of the archive, which know when their bodies arrived.
pub fn dry_run(mapper: &Mapper, text: &str, arrival: &Arrival) -> DryRun {
    let mut report = DryRun::default();
    for (index, document) in documents(text).into_iter().enumerate() {
        match serde_json::from_str::<ArchivedMessage<'_>>(document) {
            Ok(message) => {
                let arrival = Arrival {
                    sent_at_ms: message.sent_at_ms().unwrap_or(arrival.sent_at_ms),
                    ..*arrival
                };
                report.add(index, mapper, &message.body, &arrival);
            }
            Err(_) => report.add(index, mapper, document, arrival),
        }
    }
    report
}

fn documents(text: &str) -> Vec<&str> {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        return vec![text];
    }
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let first_is_whole = lines
        .first()
        .is_some_and(|line| serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok());
    // A broken body over several lines is one body.
    if first_is_whole { lines } else { vec![text] }
}

impl DryRun {
    fn add(&mut self, body: usize, mapper: &Mapper, text: &str, arrival: &Arrival) {
        let outcome = mapper.map(text, arrival);
        for event in outcome.events {
            self.event_count += 1;
            let mut shown = DryRunEvent::new(body, event.ordinal, &event.event_type);
            match event.outcome {
                Outcome::Send(call) => {
                    self.sent += 1;
                    shown.show_call(call);
                }
                Outcome::Skip(reason) => {
                    *self.skipped.entry(reason.code()).or_default() += 1;
                    shown.outcome = "skip";
                    shown.reason = Some(reason.code());
                }
                Outcome::Reject(rejection, _) => {
                    *self.rejected.entry(rejection.reason.code()).or_default() += 1;
                    shown.outcome = "reject";
                    shown.reason = Some(rejection.reason.code());
                    shown.detail = Some(rejection.detail);
                }
            }
            self.events.push(shown);
        }
        for (reason, count) in outcome.more.skipped {
            self.event_count += count;
            *self.skipped.entry(reason.code()).or_default() += count;
        }
        for (reason, count) in outcome.more.rejected {
            self.event_count += count;
            *self.rejected.entry(reason.code()).or_default() += count;
        }
        self.profiles.extend(
            outcome
                .profiles
                .into_iter()
                .filter_map(|call| raw(call.json)),
        );
    }
}

impl DryRunEvent {
    fn new(body: usize, ordinal: u32, event_type: &EventType<'_>) -> Self {
        Self {
            body,
            ordinal,
            event_type: event_type.as_str().to_owned(),
            outcome: "send",
            reason: None,
            detail: None,
            operation: None,
            request: None,
            notes: Vec::new(),
        }
    }

    fn show_call(&mut self, call: Call) {
        self.operation = Some(call.operation.as_str());
        self.request = raw(call.json);
        self.notes = call.notes.iter().map(describe).collect();
    }
}

fn describe(note: &Note) -> String {
    match note.field() {
        Some(name) => format!("{}: {name}", note.code()),
        None => note.code().to_owned(),
    }
}

fn raw(json: String) -> Option<Box<RawValue>> {
    RawValue::from_string(json).ok()
}
