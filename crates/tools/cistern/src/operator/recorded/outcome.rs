//! What became of the objects, by what the pipelines recorded.

mod archived;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    process::ExitCode,
};

use event_model::BatchKey;
use serde::Serialize;

pub(crate) use self::archived::{before_archiving, of_lake};

use super::batches::{EventCounts, LoadedBatch};
use crate::{plural::counted, table::printable_lines};

/// The keys that a text lists.
const LISTED: usize = 20;

/// What became of the objects. A figure that nobody recorded is left out.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Outcome {
    /// What processing is, in the text: `loaded`, for example.
    #[serde(skip)]
    pub(crate) verb: &'static str,
    /// What an object counts by as processed, if that does not show that all of it is.
    #[serde(skip)]
    pub(crate) counted_by: Option<&'static str>,
    /// Objects that were processed since the command began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) done: Option<usize>,
    /// Objects that were processed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) done_before: Option<usize>,
    /// Objects that left no rows in the lake, although nothing waits: without events, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) without_rows: Option<usize>,
    /// The events of the objects that were processed since the command began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) events: Option<EventCounts>,
    /// Objects that were rejected as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) rejected: Vec<Rejected>,
    /// Objects that are neither processed nor rejected: their messages still wait, or are in the dead-letter queue.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) not_done: Vec<String>,
    /// Messages that wait in the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waiting: Option<u64>,
    /// Why the outcome is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unknown: Option<String>,
    /// What is appended to commands, so that they mean the same stack.
    #[serde(skip)]
    pub(crate) suffix: String,
}

/// An object, and why it was rejected.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rejected {
    key: String,
    reason: String,
}

/// The outcome of email batches, from what Postgres has of them now.
pub(crate) fn of_batches(
    objects: &[String],
    loaded: &BTreeMap<String, LoadedBatch>,
    began_at: &str,
    rejected: &BTreeMap<String, String>,
) -> Outcome {
    let mut outcome = Outcome {
        verb: "loaded",
        ..Outcome::default()
    };
    let (mut done, mut before) = (0, 0);
    let mut events = EventCounts::default();
    // A batch that was sent again on another day is another object.
    let mut counted = BTreeSet::new();
    for object in objects {
        let key = BatchKey::from_object_key(object).ok();
        let batch = key.as_ref().and_then(|key| loaded.get(key.as_str()));
        match (batch, rejected.get(object)) {
            (Some(batch), _) if batch.loaded_at.as_str() < began_at => before += 1,
            (Some(batch), _) => {
                done += 1;
                if counted.insert(key) {
                    events.add(batch.counts);
                }
            }
            (None, Some(reason)) => outcome.rejected.push(Rejected {
                key: object.clone(),
                reason: reason.clone(),
            }),
            (None, None) => outcome.not_done.push(object.clone()),
        }
    }
    outcome.done = Some(done);
    outcome.done_before = Some(before);
    outcome.events = Some(events);
    outcome
}

impl Outcome {
    /// An outcome that cannot be known.
    pub(crate) fn unknown(why: impl Into<String>) -> Self {
        Self {
            unknown: Some(why.into()),
            ..Self::default()
        }
    }

    /// 0 if everything is processed, as far as it is recorded; 3 if objects were rejected, 4 if some are not processed.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if !self.rejected.is_empty() {
            ExitCode::from(3)
        } else if !self.not_done.is_empty() {
            ExitCode::from(4)
        } else {
            ExitCode::SUCCESS
        }
    }

    fn verb(&self) -> &'static str {
        if self.verb.is_empty() {
            "processed"
        } else {
            self.verb
        }
    }

    /// What can be said while nothing is sent.
    pub(crate) fn preview(&self) -> String {
        let verb = self.verb();
        let by = self.counted_by.map_or_else(String::new, |by| {
            format!(" (an object counts as {verb} {by})")
        });
        match (self.done_before, &self.unknown) {
            (Some(before), _) => {
                format!("; {before} of them {} {verb} before{by}", was(before))
            }
            (None, Some(why)) => format!("; what was {verb} before is not known: {why}"),
            (None, None) => String::new(),
        }
    }

    /// The rest of the first line.
    pub(crate) fn headline(&self) -> String {
        let mut parts = Vec::new();
        let verb = self.verb();
        if let Some(done) = self.done {
            parts.push(format!("{done} {verb}"));
        }
        if let Some(before) = self.done_before {
            parts.push(format!("{before} {} {verb} before", was(before)));
        }
        if let Some(without) = self.without_rows.filter(|without| *without > 0) {
            parts.push(format!("{without} without rows"));
        }
        if !self.rejected.is_empty() {
            parts.push(format!("{} rejected", self.rejected.len()));
        }
        if !self.not_done.is_empty() {
            parts.push(format!("{} not {verb}", self.not_done.len()));
        }
        if parts.is_empty() {
            return String::new();
        }
        format!(": {}", parts.join(", "))
    }

    /// The lines after the counts.
    pub(crate) fn details(&self) -> String {
        let mut text = String::new();
        let suffix = &self.suffix;
        if let Some(events) = self.events.filter(|events| events.received > 0) {
            let EventCounts {
                received,
                stored,
                duplicate,
                rejected,
                erased,
            } = events;
            let _infallible = write!(
                text,
                "\n  {} = {stored} stored + {duplicate} duplicate + {rejected} rejected",
                counted(received, "event")
            );
            if erased > 0 {
                let _infallible = write!(text, " + {erased} erased");
            }
        }
        if let Some(by) = self.counted_by {
            let _infallible = write!(text, "\n  an object counts as {} {by}", self.verb());
        }
        if self.without_rows.is_some_and(|without| without > 0) {
            let _infallible = write!(
                text,
                "\n  an object without rows has no events, or it failed: `cistern redrive archive{suffix}` lists those"
            );
        }
        for Rejected { key, reason } in self.rejected.iter().take(LISTED) {
            let reason = printable_lines(reason);
            let _infallible = write!(text, "\n  rejected       {key}: {reason}");
        }
        for key in self.not_done.iter().take(LISTED) {
            let _infallible = write!(text, "\n  not done       {key}");
        }
        if self.rejected.len().max(self.not_done.len()) > LISTED {
            text.push_str("\n  … (--json has all)");
        }
        if let Some(waiting) = self.waiting.filter(|waiting| *waiting > 0) {
            let wait = if waiting == 1 { "waits" } else { "wait" };
            let _infallible = write!(text, "\n  {} still {wait}", counted(waiting, "message"));
        }
        if !self.not_done.is_empty() {
            let _infallible = write!(
                text,
                "\n  `cistern status{suffix}` shows the queues; it is safe to run the same command again"
            );
        }
        if let Some(why) = &self.unknown {
            let _infallible = write!(text, "\n  the outcome is not known: {why}");
        }
        text
    }
}

fn was(count: usize) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(loaded_at: &str, stored: u64) -> LoadedBatch {
        let counts = EventCounts {
            received: 10,
            stored,
            duplicate: 10 - stored,
            rejected: 0,
            erased: 0,
        };
        LoadedBatch {
            loaded_at: loaded_at.to_owned(),
            counts,
        }
    }

    fn object(day: u8, name: &str) -> String {
        format!("raw/sparkpost/dt=2026-01-{day:02}/{name}.json.gz")
    }

    #[test]
    fn what_was_loaded_before_is_told_from_what_is_loaded_now() {
        let objects = [
            object(1, "before"),
            object(1, "now"),
            object(2, "now"),
            object(3, "bad"),
            object(4, "lost"),
            "raw/sparkpost/dt=2026-01-01/note.txt".to_owned(),
        ];
        let loaded = BTreeMap::from([
            ("before".to_owned(), batch("2026-01-31T11:59:59.999999", 10)),
            ("now".to_owned(), batch("2026-01-31T12:00:00.000000", 7)),
        ]);
        let rejected = BTreeMap::from([
            (objects[3].clone(), "not_gzip: it is zip".to_owned()),
            (objects[5].clone(), "not_a_batch_key: …".to_owned()),
        ]);

        let outcome = of_batches(&objects, &loaded, "2026-01-31T12:00:00.000000", &rejected);

        // The batch counts once, in two objects.
        assert_eq!(outcome.events, Some(batch("", 7).counts));
        assert_eq!(
            outcome.headline(),
            ": 2 loaded, 1 was loaded before, 2 rejected, 1 not loaded"
        );
        assert_eq!(outcome.not_done, [objects[4].clone()]);
        assert!(
            outcome
                .details()
                .contains("10 events = 7 stored + 3 duplicate + 0 rejected")
        );
        assert_eq!(outcome.exit_code(), ExitCode::from(3));
    }

    #[test]
    fn exit_code_is_that_of_the_outcome() {
        assert_eq!(Outcome::default().exit_code(), ExitCode::SUCCESS);
        assert_eq!(Outcome::unknown("why").exit_code(), ExitCode::SUCCESS);
        let waiting = Outcome {
            not_done: vec![object(1, "a")],
            ..Outcome::default()
        };
        assert_eq!(waiting.exit_code(), ExitCode::from(4));
        assert!(
            waiting
                .details()
                .contains("safe to run the same command again")
        );
    }
}
