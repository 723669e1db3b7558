//! The hours of a backfill: fetched page by page, stored, and written down.

use std::num::NonZeroU32;

use anyhow::{Context as _, Result, bail};
use aws_io::s3::PutOutcome;
use event_model::BatchKey;
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};

use super::{
    events_api::EventsApi,
    hours::{Hour, hours},
    page::Page,
};
use crate::{
    operator::{pace::Pace, raw_batch, resume::StateFile, target::StackTarget},
    progress,
};

/// Pages of one hour: more is a loop.
const MAX_PAGES: usize = 100_000;

/// How far a backfill has come: the content of its state file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Position {
    /// When the backfill began, by Postgres, if it can be asked.
    pub(super) began_at: Option<String>,
    /// Everything before this is stored.
    #[serde(with = "rfc3339")]
    pub(super) done_until: OffsetDateTime,
    /// Events fetched.
    pub(super) events: u64,
    /// The raw objects.
    pub(super) objects: Vec<String>,
}

/// Fetches what is not stored yet, hour by hour, and moves the position.
pub(super) async fn fetch(
    rate: NonZeroU32,
    api: &EventsApi,
    target: &StackTarget,
    to: OffsetDateTime,
    state: &StateFile,
    position: &mut Position,
) -> Result<()> {
    let hours = hours(position.done_until, to);
    let bar = progress::bar(u64::try_from(hours.len()).unwrap_or(u64::MAX), "hours");
    let mut pace = Pace::new(Some(rate));
    state.write(position)?;
    for hour in hours {
        let stored = store_hour(api, target, hour, &mut pace).await?;
        position.events += stored.events;
        position.objects.extend(stored.objects);
        position.done_until = hour.to;
        state.write(position)?;
        bar.inc(1);
        bar.set_message(format!("{} events", position.events));
    }
    bar.finish_and_clear();
    Ok(())
}

/// What an hour has.
#[derive(Debug, Default)]
struct StoredHour {
    events: u64,
    objects: Vec<String>,
}

async fn store_hour(
    api: &EventsApi,
    target: &StackTarget,
    hour: Hour,
    pace: &mut Pace,
) -> Result<StoredHour> {
    let s3 = target.aws.s3();
    let bucket = target.output("EventsBucketName")?;
    let mut stored = StoredHour::default();
    let mut path = api.first_page(hour);
    for _ in 0..MAX_PAGES {
        pace.turn(1).await;
        let body = api.get(&path).await?;
        let answer: Page<'_> = serde_json::from_slice(&body)
            .context("SparkPost's answer is not a page of events: it has no `results`")?;
        let Some(batch) = answer.to_batch() else {
            return Ok(stored);
        };
        stored.events += u64::try_from(answer.results.len()).unwrap_or(u64::MAX);
        let key = BatchKey::new(Some(&batch_id(hour)), &batch);
        let (object, outcome) =
            raw_batch::store(&s3, bucket, &key, &batch, "sparkpost-events-api").await?;
        match outcome {
            PutOutcome::Created | PutOutcome::AlreadyThere => stored.objects.push(object),
        }
        match answer.next() {
            Some(next) if next != path => next.clone_into(&mut path),
            Some(_) | None => return Ok(stored),
        }
    }
    bail!("SparkPost returns more than {MAX_PAGES} pages for one hour")
}

/// The batch id of the pages of an hour; the hash of the page makes it unique.
fn batch_id(hour: Hour) -> String {
    let at = hour.from.to_utc();
    format!("backfill-{}T{:02}{:02}", at.date(), at.hour(), at.minute())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn pages_of_an_hour_share_an_id_that_an_object_may_have() {
        let hour = Hour {
            from: datetime!(2026-01-31 12:05 UTC),
            to: datetime!(2026-01-31 13:00 UTC),
        };

        let key = BatchKey::new(Some(&batch_id(hour)), b"[]");

        assert_eq!(key.as_str(), "backfill-2026-01-31T1205-4f53cda18c2baa0c");
    }
}
