//! `cistern backfill sparkpost`: from the Events API to raw objects.

use std::{
    env,
    io::{Read as _, stdin},
    num::NonZeroU32,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339, serde::rfc3339};

use super::{
    events_api::EventsApi,
    fetching::{Position, fetch},
    page::Page,
};
use crate::{
    operator::{
        moment::Moment, raw_batch::Follower, recorded::outcome::Outcome, resume::StateFile,
        target::TargetArgs,
    },
    output::{line, still_running},
    plural::counted,
    stack::Secret,
};

/// The variable with the API's key.
const KEY_VARIABLE: &str = "SPARKPOST_API_KEY";
/// SparkPost returns no older events.
const KEPT_DAYS: i64 = 10;

/// Options of `cistern backfill sparkpost`.
#[derive(Clone, Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct Options {
    /// Events at or after this time: 2026-01-31, 2026-01-31T12:00, or an age, -7d
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = Moment::parse)]
    from: Moment,

    /// Events before this time [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = Moment::parse)]
    to: Option<Moment>,

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
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(..=crate::operator::MAX_WAIT_SECONDS))]
    wait: u64,

    #[command(flatten)]
    target: TargetArgs,

    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
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
    from: &'a str,
    to: Option<&'a str>,
    per_page: u32,
}

pub(super) async fn run(options: &Options) -> Result<ExitCode> {
    let now = OffsetDateTime::now_utc();
    let from = options.from.at;
    let to = options.to.as_ref().map_or(now, |to| to.at).min(now);
    ensure!(from < to, "--from must be before --to, and before now");
    if now - from > time::Duration::days(KEPT_DAYS) {
        eprintln!("note: SparkPost keeps events for {KEPT_DAYS} days; older ones are not found");
    }
    let api = EventsApi::new(&options.url, read_key(options)?, options.per_page)?;
    let summary = if options.dry_run {
        count(&api, from, to).await?
    } else {
        backfill(options, &api, to).await?
    };
    still_running(if options.json {
        line!("{}", serde_json::to_string_pretty(&summary)?)
    } else {
        line!("{}", text(&summary))
    })?;
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
        from: &options.from.given,
        to: options.to.as_ref().map(|to| to.given.as_str()),
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
                written(position.done_until)
            );
            position
        }
        None => Position {
            began_at: follower.now().await?,
            done_until: options.from.at,
            events: 0,
            objects: Vec::new(),
        },
    };
    eprintln!(
        "if this is interrupted, the same command continues it ({})",
        state.path().display()
    );
    fetch(options.rate, api, &target, to, &state, &mut position).await?;
    let wait = Duration::from_secs(options.wait);
    let began_at = position.began_at.as_deref();
    let outcome = follower
        .outcome(&target, &position.objects, began_at, wait)
        .await?;
    state.remove()?;
    Ok(Summary {
        from: options.from.at,
        to,
        dry_run: false,
        fetched: position.events,
        objects: position.objects.len(),
        outcome,
    })
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
    let (from, to) = (written(*from), written(*to));
    let fetched = counted(*fetched, "event");
    if summary.dry_run {
        return format!(
            "SparkPost has {fetched} from {from} to {to}. Nothing is stored: leave out --dry-run."
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
        "{fetched} from {from} to {to}{new}\n  {}{headline}{}",
        counted(*objects, "object"),
        outcome.details()
    )
}

/// As the options take it.
fn written(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
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
            text(&summary).contains("10 events from 2026-01-31T00:00:00Z to 2026-02-01T00:00:00Z"),
            "{}",
            text(&summary)
        );
        assert!(text(&summary).contains("3 new, 7 duplicate, 0 rejected\n  2 objects"));
        summary.dry_run = true;
        assert!(text(&summary).ends_with("Nothing is stored: leave out --dry-run."));
    }
}
