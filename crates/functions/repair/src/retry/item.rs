//! How one item is sent again.

use std::time::Duration;

use aws_io::s3::{GetError, ObjectRef, get_range};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use event_model::{
    BatchKey, Pipeline,
    rejected::{RejectedId, StoredLine},
};
use time::Date;

use super::{job::Job, meant_event::MeantEvent};
use crate::{Deps, error::RepairError};

const READ_LIMIT: Duration = Duration::from_secs(5);
/// What is read of a line at first, and at most.
const PART_BYTES: usize = 64 << 10;
const MAX_LINE_BYTES: usize = 16 << 20;

/// How one item is sent again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// As a piece of what this job sends.
    Do(Job, Piece),
    /// Not at all, with the reason.
    Impossible(String),
}

/// The part of a job that an item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// All of its source.
    Whole,
    /// The item with this number in its source.
    Ordinal(u32),
    /// This event of its message.
    Event(MeantEvent),
    /// These bytes, as they were received.
    Bytes(Vec<u8>),
}

/// Reads how an item is sent again.
pub(super) async fn read_plan(deps: &Deps, id: &RejectedId) -> Result<Plan, RepairError> {
    match id {
        RejectedId::Row {
            day,
            batch_key,
            ordinal,
            is_many,
        } => Ok(of_row(*day, batch_key, *ordinal, *is_many)),
        RejectedId::Line {
            pipeline,
            day,
            offset,
            ..
        } => {
            let name = ObjectRef {
                bucket: deps.config.bucket.clone(),
                key: id.object_key().unwrap_or_default(),
            };
            let line = match read_line(deps, &name, *offset).await {
                Ok(line) => line,
                Err(GetError::Missing { .. }) => {
                    return Ok(impossible("it is not there: retention may have removed it"));
                }
                Err(error) => return Err(error.into()),
            };
            Ok(match line {
                Some(line) => of_line(*pipeline, *day, line),
                None => impossible(
                    "no line that can be read begins there, or it has more than 16 MiB: send its source again with `cistern replay`",
                ),
            })
        }
    }
}

fn of_row(loaded_on: Date, batch_key: &str, ordinal: u32, is_many: bool) -> Plan {
    let job = Job::Batch {
        loaded_on,
        batch_key: batch_key.to_owned(),
    };
    let piece = if is_many {
        Piece::Whole
    } else {
        Piece::Ordinal(ordinal)
    };
    Plan::Do(job, piece)
}

fn of_line(pipeline: Pipeline, day: Date, line: StoredLine) -> Plan {
    let bytes = match (line.item, line.item_base64) {
        (Some(item), _) => Some(item.into_bytes()),
        (None, Some(item)) => BASE64_STANDARD.decode(item).ok(),
        (None, None) => None,
    };
    let source = line.source_key.filter(|key| !key.is_empty());
    let ordinal = line.ordinal.and_then(|ordinal| u32::try_from(ordinal).ok());
    match (pipeline, source, bytes) {
        (_, Some(source), _) if source.starts_with("lake/") => impossible(
            "it is a file of the lake, not an item: docs/operations.md says how its rows are made again",
        ),
        (_, Some(source), _) if line.reason == "not_a_notification" => impossible(&format!(
            "it is message {source} of a queue, which names no object"
        )),
        // In one batch with what the loader rejected of the same object: mostly the same items.
        (Pipeline::EmailEvents, Some(source), Some(bytes)) => {
            let job = match BatchKey::from_object_key(&source) {
                Ok(batch_key) => Job::Batch {
                    loaded_on: day,
                    batch_key: batch_key.to_string(),
                },
                Err(_) => Job::Emails { source },
            };
            Plan::Do(job, Piece::Bytes(bytes))
        }
        (Pipeline::EmailEvents, Some(source), None) => {
            Plan::Do(Job::EmailObject { source }, Piece::Whole)
        }
        (Pipeline::ProductEvents, Some(source), Some(bytes)) => {
            Plan::Do(Job::Products { source }, Piece::Bytes(bytes))
        }
        (Pipeline::ProductEvents, Some(source), None) => impossible(&format!(
            "it stands for more than one item: convert {source} again, as docs/operations.md says"
        )),
        (Pipeline::AppEvents, _, _) if line.reason == "more" => impossible(
            "it stands for several events, of which some may have been sent: send those that you mean again",
        ),
        (Pipeline::AppEvents, source, bytes) => match (source, line.message_id, ordinal) {
            (Some(source), Some(message_id), Some(ordinal)) => {
                let item = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
                let event = MeantEvent::new(ordinal, item);
                Plan::Do(Job::Message { source, message_id }, Piece::Event(event))
            }
            // Of the archiver: a body, or the part of one that is not a batch.
            (Some(source), None, _) if bytes.is_some() => Plan::Do(
                Job::Bodies { source },
                Piece::Bytes(bytes.unwrap_or_default()),
            ),
            (_, message_id, _) => impossible(&format!(
                "where the archive has it is not known: look for message {} in raw/mparticle/",
                message_id.as_deref().unwrap_or("(without id)")
            )),
        },
        (Pipeline::EmailEvents | Pipeline::ProductEvents, None, _) => {
            impossible("it does not say which object it came from")
        }
    }
}

fn impossible(problem: &str) -> Plan {
    Plan::Impossible(problem.to_owned())
}

/// The line that begins at `offset`; none where no line of JSON does, or one that is too long.
async fn read_line(
    deps: &Deps,
    name: &ObjectRef,
    offset: u64,
) -> Result<Option<StoredLine>, GetError> {
    for wanted in [PART_BYTES, MAX_LINE_BYTES] {
        let part = get_range(&deps.s3, name, offset, wanted, READ_LIMIT).await?;
        let end = part.iter().position(|byte| *byte == b'\n');
        if end.is_some() || part.len() < wanted {
            let line = part.get(..end.unwrap_or(part.len())).unwrap_or_default();
            return Ok(StoredLine::read(line));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::macros::date;

    use super::*;

    fn plan(pipeline: Pipeline, line: Value) -> Plan {
        of_line(
            pipeline,
            date!(2026 - 11 - 20),
            serde_json::from_value(line).unwrap(),
        )
    }

    #[test]
    fn each_kind_of_line_is_sent_again_in_its_own_way() {
        let source = || "raw/x".to_owned();
        let table = [
            (
                Pipeline::EmailEvents,
                json!({"reason": "bad", "source_key": "raw/x", "ordinal": 3, "item": "{}"}),
                Plan::Do(
                    Job::Emails { source: source() },
                    Piece::Bytes(b"{}".to_vec()),
                ),
            ),
            (
                Pipeline::EmailEvents,
                json!({"reason": "bad", "source_key": "raw/sparkpost/dt=2026-11-19/b.json.gz", "item": "{}"}),
                Plan::Do(
                    Job::Batch {
                        loaded_on: date!(2026 - 11 - 20),
                        batch_key: "b".to_owned(),
                    },
                    Piece::Bytes(b"{}".to_vec()),
                ),
            ),
            (
                Pipeline::EmailEvents,
                json!({"reason": "not_gzip", "source_key": "raw/x"}),
                Plan::Do(Job::EmailObject { source: source() }, Piece::Whole),
            ),
            (
                Pipeline::ProductEvents,
                json!({"reason": "not_utf8", "source_key": "raw/x", "item_base64": "/w=="}),
                Plan::Do(Job::Products { source: source() }, Piece::Bytes(vec![0xff])),
            ),
            (
                Pipeline::AppEvents,
                json!({"reason": "bad", "source_key": "raw/x", "message_id": "m", "ordinal": 2, "item": "{}"}),
                Plan::Do(
                    Job::Message {
                        source: source(),
                        message_id: "m".to_owned(),
                    },
                    Piece::Event(MeantEvent::new(2, Some("{}".to_owned()))),
                ),
            ),
            (
                Pipeline::AppEvents,
                json!({"reason": "not_a_batch", "source_key": "raw/x", "ordinal": 2, "item": "{}"}),
                Plan::Do(
                    Job::Bodies { source: source() },
                    Piece::Bytes(b"{}".to_vec()),
                ),
            ),
        ];
        for (pipeline, line, expected) in table {
            assert_eq!(plan(pipeline, line.clone()), expected, "{line}");
        }
    }

    #[test]
    fn what_cannot_be_sent_again_says_why() {
        for (pipeline, line, words) in [
            (
                Pipeline::ProductEvents,
                json!({"reason": "more", "source_key": "raw/x", "ordinal": 1}),
                "more than one",
            ),
            (
                Pipeline::ProductEvents,
                json!({"reason": "not_parquet", "source_key": "lake/product_events/x.parquet"}),
                "a file of the lake",
            ),
            (
                Pipeline::AppEvents,
                json!({"reason": "more", "source_key": "raw/x", "message_id": "m", "ordinal": 1}),
                "several events",
            ),
            (
                Pipeline::AppEvents,
                json!({"reason": "breaks_the_run", "message_id": "m", "ordinal": 0}),
                "message m",
            ),
            (
                Pipeline::EmailEvents,
                json!({"reason": "not_a_notification", "source_key": "m", "item": "x"}),
                "names no object",
            ),
            (Pipeline::EmailEvents, json!({}), "which object"),
        ] {
            let Plan::Impossible(problem) = plan(pipeline, line.clone()) else {
                panic!("{line} is possible");
            };
            assert!(problem.contains(words), "{problem}");
        }
    }
}
