//! `POST /api/v1/audit`: which of some batches are loaded, and which of some events have no row, for `cistern audit`.

use std::{ops::RangeInclusive, time::Instant};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use event_model::Timestamp;
use event_query::ParamError;
use event_store::{AuditAnswer, AuditQuery, LoadedIn};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use tracing::info;

use crate::{
    Deps, error::SearchError, page_body::FinishedBody, search::REQUEST_DEADLINE,
    whole_body::WholeBody,
};

pub(crate) const PATH: &str = "/api/v1/audit";

const MAX_BATCHES: usize = 1_000;
const MAX_EVENTS: usize = 10_000;
/// Keys of loaded batches in one answer.
const MAX_LOADED: u16 = 10_000;

/// The times that are asked for: from 1970 to 2100, as the specification says.
const MICROS: RangeInclusive<i64> = 0..=4_102_444_800_000_000;

/// What is asked; each member may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Request {
    batches: Vec<String>,
    /// The time of each, in microseconds since 1970, and its key.
    events: Vec<(i64, String)>,
    loaded: Option<Loaded>,
}

/// A time of loading, in microseconds since 1970, and the last key of the answer before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Loaded {
    from: i64,
    to: i64,
    #[serde(default)]
    after: String,
}

#[derive(Serialize)]
struct Answer {
    batches: Vec<Known>,
    missing_events: Vec<usize>,
    loaded: Vec<String>,
}

#[derive(Serialize)]
struct Known {
    batch_key: String,
    received: i64,
    stored: i64,
    rejected: i64,
    /// The place of each rejected item, and whether its row stands for several.
    rejections: Vec<(i32, bool)>,
}

pub(crate) async fn audit(
    State(deps): State<Deps>,
    WholeBody(body): WholeBody,
) -> Result<Response, SearchError> {
    let began = Instant::now();
    let query = parse(&body)?;
    let answer = timeout(REQUEST_DEADLINE, deps.store.audit(&query))
        .await
        .map_err(|_| SearchError::Deadline)??;
    info!(
        path = PATH,
        batch_count = query.batches.len(),
        event_count = query.events.len(),
        missing_count = answer.missing_events.len(),
        duration_ms = began.elapsed().as_millis(),
        "audit served"
    );
    Ok(write(answer)?.into_response())
}

/// The body of the response. Only rejected items can make it too long: a batch may have thousands. Part of an answer would be a wrong
/// one, so there is all that was asked for or an error.
fn write(answer: AuditAnswer) -> Result<FinishedBody, ParamError> {
    let json = serde_json::to_vec(&Answer::of(answer)).expect("texts and numbers are JSON");
    let body = FinishedBody::of_json(json);
    if body.fits() {
        return Ok(body);
    }
    Err(ParamError {
        param: "batches".into(),
        message: "have more rejected items than an answer may name; ask for fewer batches".into(),
    })
}

fn parse(body: &[u8]) -> Result<AuditQuery, ParamError> {
    let refused = |param: &'static str, message: &'static str| ParamError {
        param: param.into(),
        message: message.into(),
    };
    // An array would be read member by member.
    let object = body.trim_ascii().starts_with(b"{").then_some(body);
    let request: Request = serde_json::from_slice(object.unwrap_or_default()).map_err(|_| {
        refused(
            "body",
            r#"must be JSON with batches (keys), events ([microseconds, key]) or loaded ({"from", "to", "after"})"#,
        )
    })?;
    if request.batches.len() > MAX_BATCHES {
        return Err(refused("batches", "must have at most 1000 keys"));
    }
    if request.events.len() > MAX_EVENTS {
        return Err(refused("events", "must have at most 10000 events"));
    }
    if request.batches.iter().any(|key| key.contains('\0')) {
        return Err(refused("batches", "must hold keys of batches"));
    }
    let time = |micros| {
        Some(micros)
            .filter(|micros| MICROS.contains(micros))
            .and_then(Timestamp::from_unix_micros)
    };
    let events = request.events.iter();
    let events = events.map(|(micros, key)| Some((time(*micros)?, key.parse().ok()?)));
    let events = events.collect::<Option<_>>();
    let loaded = match request.loaded {
        None => None,
        Some(Loaded { from, to, after }) => Some(
            time(from)
                .zip(time(to))
                .filter(|_| !after.contains('\0'))
                .map(|(from, to)| LoadedIn {
                    from,
                    to,
                    after,
                    limit: MAX_LOADED.into(),
                })
                .ok_or_else(|| refused("loaded", "must have times in microseconds since 1970"))?,
        ),
    };
    Ok(AuditQuery {
        batches: request.batches,
        events: events.ok_or_else(|| {
            refused(
                "events",
                "must be pairs of microseconds since 1970 and a key of 32 hexadecimal digits",
            )
        })?,
        loaded,
    })
}

impl Answer {
    fn of(answer: AuditAnswer) -> Self {
        Self {
            batches: answer
                .batches
                .into_iter()
                .map(|batch| Known {
                    batch_key: batch.batch_key,
                    received: batch.received,
                    stored: batch.stored,
                    rejected: batch.rejected,
                    rejections: batch.rejections,
                })
                .collect(),
            missing_events: answer.missing_events,
            loaded: answer.loaded,
        }
    }
}

#[cfg(test)]
mod tests {
    use event_store::LoadedBatch;

    use super::*;

    #[test]
    fn answer_that_is_longer_than_a_response_asks_for_fewer_batches() {
        let answer = |batch_count: usize| AuditAnswer {
            batches: (0..batch_count)
                .map(|number| LoadedBatch {
                    batch_key: format!("b{number}"),
                    received: 1_000,
                    stored: 0,
                    rejected: 1_000,
                    rejections: (0..1_000).map(|ordinal| (ordinal, false)).collect(),
                })
                .collect(),
            ..AuditAnswer::default()
        };

        assert!(write(answer(MAX_BATCHES / 5)).is_ok());
        let problem = write(answer(MAX_BATCHES)).err().unwrap();
        assert_eq!(problem.param, "batches");
    }

    #[test]
    fn wrong_requests_are_named() {
        let many = format!(r#"{{"batches":{:?}}}"#, vec!["b"; MAX_BATCHES + 1]);
        for (body, param) in [
            ("", "body"),
            ("[]", "body"),
            (r#"{"rows":[]}"#, "body"),
            (many.as_str(), "batches"),
            (r#"{"batches":["\u0000"]}"#, "batches"),
            (r#"{"events":[[1,"x"]]}"#, "events"),
            (
                r#"{"loaded":{"from":9223372036854775807,"to":0}}"#,
                "loaded",
            ),
            (r#"{"loaded":{"from":0,"to":4102444800000001}}"#, "loaded"),
        ] {
            assert_eq!(parse(body.as_bytes()).unwrap_err().param, param, "{body}");
        }
        assert!(parse(b"{}").is_ok());
    }
}
