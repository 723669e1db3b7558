//! `cistern backfill sparkpost`: from the Events API to raw objects.

use std::{
    env,
    io::{Read as _, stdin},
    num::NonZeroU32,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
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
    operator::{
        moment,
        pace::Pace,
        raw_batch::{self, Follower},
        recorded::outcome::Outcome,
        resume::StateFile,
        target::{StackTarget, TargetArgs},
    },
    output::line,
    progress,
    stack::Secret,
};

/// The variable with the API's key.
const KEY_VARIABLE: &str = "SPARKPOST_API_KEY";
/// SparkPost returns no older events.
const KEPT_DAYS: i64 = 10;
/// Pages of one hour: more is a loop.
const MAX_PAGES: usize = 100_000;

/// Options of `cistern backfill sparkpost`.
#[derive(Clone, Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct Options {
    /// Events at or after this time: 2026-01-31 or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    from: OffsetDateTime,

    /// Events before this time [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    to: Option<OffsetDateTime>,

    /// The API of your account's region
    #[arg(long, default_value = "https://api.sparkpost.com")]
    url: String,

    /// Read the key from stdin [default: from the variable `SPARKPOST_API_KEY`]
    #[arg(long)]
    key_stdin: bool,

    /// Events per request and raw object
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    per_page: u32,

    /// At most this many requests per second
    #[arg(long, value_name = "N", default_value = "2")]
    rate: NonZeroU32,

    /// Only ask how many events there are, and store nothing
    #[arg(long)]
    dry_run: bool,

    /// Begin again, although an interrupted backfill could be continued
    #[arg(long)]
    restart: bool,

    /// Seconds to wait for the loader while nothing changes; 0 only stores
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    wait: u64,

    #[command(flatten)]
    target: TargetArgs,

    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// How far a backfill has come: the content of its state file.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    /// When the backfill began, by Postgres, if it can be asked.
    began_at: Option<String>,
    /// Everything before this is stored.
    #[serde(with = "rfc3339")]
    done_until: OffsetDateTime,
    /// Events fetched.
    events: u64,
    /// The raw objects.
    objects: Vec<String>,
}

/// What was fetched and stored, and what became of it.
#[derive(Debug, Serialize)]
struct Summary {
    #[serde(with = "rfc3339")]
    from: OffsetDateTime,
    #[serde(with = "rfc3339")]
    to: OffsetDateTime,
    dry_run: bool,
    /// Events that SparkPost has; in a dry run by its own count.
    fetched: u64,
    /// Raw objects.
    objects: usize,
    #[serde(flatten)]
    outcome: Outcome,
}

/// What distinguishes one backfill from others.
#[derive(Debug, Serialize)]
struct Identity<'a> {
    stack: &'a str,
    url: &'a str,
    from: i64,
    to: Option<i64>,
    per_page: u32,
}

pub(super) async fn run(options: &Options) -> Result<ExitCode> {
    let now = OffsetDateTime::now_utc();
    let to = options.to.unwrap_or(now).min(now);
    ensure!(
        options.from < to,
        "--from must be before --to, and before now"
    );
    if now - options.from > time::Duration::days(KEPT_DAYS) {
        eprintln!("note: SparkPost keeps events for {KEPT_DAYS} days; older ones are not found");
    }
    let api = EventsApi::new(&options.url, read_key(options)?, options.per_page)?;
    let summary = if options.dry_run {
        count(&api, options.from, to).await?
    } else {
        backfill(options, &api, to).await?
    };
    if options.json {
        line!("{}", serde_json::to_string_pretty(&summary)?)?;
    } else {
        line!("{}", text(&summary))?;
    }
    let has_rejected = summary
        .outcome
        .events
        .is_some_and(|events| events.rejected > 0);
    if has_rejected {
        return Ok(ExitCode::from(3));
    }
    Ok(summary.outcome.exit_code())
}

/// The key, which is never an argument: any user may read those.
fn read_key(options: &Options) -> Result<Secret> {
    let key = if options.key_stdin {
        let mut text = String::new();
        stdin()
            .read_to_string(&mut text)
            .context("reading the key from stdin")?;
        text
    } else {
        env::var(KEY_VARIABLE).with_context(|| {
            format!("set {KEY_VARIABLE} to a key of SparkPost's API, or pass it with --key-stdin")
        })?
    };
    let key = key.trim();
    let is_header = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(
        is_header,
        "the key of SparkPost's API is empty or has characters that no key has"
    );
    Ok(Secret::new(key))
}

async fn count(api: &EventsApi, from: OffsetDateTime, to: OffsetDateTime) -> Result<Summary> {
    let body = api.get(&EventsApi::count(from, to)).await?;
    let page: Page<'_> = serde_json::from_slice(&body).context("reading SparkPost's answer")?;
    Ok(Summary {
        from,
        to,
        dry_run: true,
        fetched: page.total_count,
        objects: 0,
        outcome: Outcome::default(),
    })
}

async fn backfill(options: &Options, api: &EventsApi, to: OffsetDateTime) -> Result<Summary> {
    let target = options.target.find().await?;
    let follower = Follower::of(&target).await;
    let identity = Identity {
        stack: options.target.stack_name(),
        url: &options.url,
        from: options.from.unix_timestamp(),
        to: options.to.map(OffsetDateTime::unix_timestamp),
        per_page: options.per_page,
    };
    let state = StateFile::of(&target, "backfill", &identity)?;
    if options.restart {
        state.remove()?;
    }
    let mut position = match state.read::<Position>()? {
        Some(position) => {
            eprintln!(
                "continuing an interrupted backfill at {} (--restart begins again)",
                position.done_until
            );
            position
        }
        None => Position {
            began_at: follower.now().await?,
            done_until: options.from,
            events: 0,
            objects: Vec::new(),
        },
    };
    eprintln!(
        "if this is interrupted, the same command continues it ({})",
        state.path().display()
    );
    fetch(options, api, &target, to, &state, &mut position).await?;
    let wait = Duration::from_secs(options.wait);
    let began_at = position.began_at.as_deref();
    let outcome = follower
        .outcome(&target, &position.objects, began_at, wait)
        .await?;
    state.remove()?;
    Ok(Summary {
        from: options.from,
        to,
        dry_run: false,
        fetched: position.events,
        objects: position.objects.len(),
        outcome,
    })
}

/// Fetches what is not stored yet, hour by hour, and moves the position.
async fn fetch(
    options: &Options,
    api: &EventsApi,
    target: &StackTarget,
    to: OffsetDateTime,
    state: &StateFile,
    position: &mut Position,
) -> Result<()> {
    let hours = hours(position.done_until, to);
    let bar = progress::bar(u64::try_from(hours.len()).unwrap_or(u64::MAX), "hours");
    let mut pace = Pace::new(Some(options.rate));
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
    anyhow::bail!("SparkPost returns more than {MAX_PAGES} pages for one hour")
}

/// The batch id of the pages of an hour; the hash of the page makes it unique.
fn batch_id(hour: Hour) -> String {
    let at = hour.from.to_utc();
    format!("backfill-{}T{:02}{:02}", at.date(), at.hour(), at.minute())
}

fn text(summary: &Summary) -> String {
    let Summary {
        from,
        to,
        fetched,
        objects,
        outcome,
        ..
    } = summary;
    if summary.dry_run {
        return format!(
            "SparkPost has {fetched} events from {from} to {to}. Nothing is stored: leave out --dry-run."
        );
    }
    let new = outcome.events.map_or(String::new(), |events| {
        format!(
            ": {} new, {} duplicate, {} rejected",
            events.stored, events.duplicate, events.rejected
        )
    });
    let headline = outcome.headline();
    format!(
        "{fetched} events from {from} to {to}{new}\n  {objects} objects{headline}{}",
        outcome.details()
    )
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::operator::recorded::batches::EventCounts;

    #[test]
    fn the_summary_says_what_is_new() {
        let mut summary = Summary {
            from: datetime!(2026-01-31 0:00 UTC),
            to: datetime!(2026-02-01 0:00 UTC),
            dry_run: false,
            fetched: 10,
            objects: 2,
            outcome: Outcome::default(),
        };
        summary.outcome.events = Some(EventCounts {
            received: 10,
            stored: 3,
            duplicate: 7,
            rejected: 0,
            erased: 0,
        });

        assert!(
            text(&summary).contains("10 events from"),
            "{}",
            text(&summary)
        );
        assert!(text(&summary).contains("3 new, 7 duplicate, 0 rejected\n  2 objects"));
        summary.dry_run = true;
        assert!(text(&summary).ends_with("Nothing is stored: leave out --dry-run."));
    }

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
