//! Goes on with an erasure, and shows how far it is.

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_io::s3::{GetError, ObjectRef, get_capped};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::operator::target::StackTarget;

/// Longer than the function's timeout.
const LIMIT: Duration = Duration::from_mins(16);
const READ_LIMIT: Duration = Duration::from_secs(20);
const MAX_BYTES: usize = 64 << 20;
/// Invocations that may fail one after the other.
const MAX_FAILURES: u32 = 5;
/// How long to wait at once.
const PAUSE: Duration = Duration::from_secs(10);
/// How often it is invoked at most.
const TURN: Duration = Duration::from_secs(1);

/// Invokes the eraser and waits for its end.
pub(super) async fn invoke(target: &StackTarget, event: &Value) -> Result<()> {
    let name = target.output("EraserFunctionName")?;
    aws_io::invoke::invoke(&target.aws.lambda(), name, event, LIMIT)
        .await
        .with_context(|| {
            format!(
                "asking the eraser; `cistern logs eraser{suffix}` says more",
                suffix = target.suffix
            )
        })
}

/// Follows an erasure to its end, and returns the signed receipt.
pub(super) async fn follow(target: &StackTarget, id: &str) -> Result<Value> {
    let mut shown = String::new();
    let mut failures = 0;
    // An invocation ends at once while the schedule's works on the same erasure.
    let mut turns = interval(TURN);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if let Some(receipt) = read(target, id, "receipt.json").await? {
            return Ok(receipt);
        }
        let state = read(target, id, "state.json")
            .await?
            .with_context(|| format!("the stack has no erasure {id}"))?;
        let text = progress(&state);
        if text != shown {
            eprintln!("{text}");
            shown = text;
        }
        let wait = waits_for(&state, OffsetDateTime::now_utc());
        if !wait.is_zero() {
            sleep(wait.min(PAUSE)).await;
            continue;
        }
        turns.tick().await;
        match invoke(target, &json!({ "continue": id })).await {
            Ok(()) => failures = 0,
            Err(error) if failures >= MAX_FAILURES => return Err(error),
            Err(_) => {
                failures += 1;
                sleep(PAUSE).await;
            }
        }
    }
}

async fn read(target: &StackTarget, id: &str, file: &str) -> Result<Option<Value>> {
    let name = ObjectRef {
        bucket: target.output("EventsBucketName")?.to_owned(),
        key: format!("state/erasures/{id}/{file}"),
    };
    match get_capped(&target.aws.s3(), &name, MAX_BYTES, READ_LIMIT).await {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(GetError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn not_before(state: &Value) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(state["not_before"].as_str()?, &Rfc3339).ok()
}

fn waits_for(state: &Value, now: OffsetDateTime) -> Duration {
    not_before(state)
        .and_then(|until| Duration::try_from(until - now).ok())
        .unwrap_or_default()
}

fn progress(state: &Value) -> String {
    let pass = &state["pass"];
    let number = pass["number"].as_u64().unwrap_or(1);
    if pass["started_at"].is_null() {
        let until = state["not_before"].as_str().unwrap_or_default();
        return format!(
            "pass {number}: begins at {until}, when no function works any more with what it read before"
        );
    }
    let sum = |name: &str| {
        let counts = pass["counts"].as_object();
        counts
            .into_iter()
            .flatten()
            .filter_map(|(_, count)| count[name].as_u64())
            .sum::<u64>()
    };
    format!(
        "pass {number}: {} objects and rows searched, {} of the person found",
        sum("searched"),
        sum("found")
    )
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn progress_says_what_is_waited_for_or_was_found() {
        let waiting = json!({"not_before": "2026-11-30T12:00:00Z", "pass": {"number": 2}});
        let searching = json!({"pass": {"number": 1, "started_at": "2026-11-30T12:00:00Z",
            "counts": {"raw/": {"searched": 7, "found": 2}, "lake/": {"searched": 1, "found": 1}}}});

        assert!(progress(&waiting).starts_with("pass 2: begins at 2026-11-30T12:00:00Z"));
        assert_eq!(
            progress(&searching),
            "pass 1: 8 objects and rows searched, 3 of the person found"
        );
        let now = datetime!(2026-11-30 11:59 UTC);
        assert_eq!(waits_for(&waiting, now), Duration::from_mins(1));
        assert_eq!(
            waits_for(&waiting, now + time::Duration::HOUR),
            Duration::ZERO
        );
    }
}
