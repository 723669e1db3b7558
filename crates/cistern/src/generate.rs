//! `cistern generate`: posts made-up events at a given rate.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use event_samples::sparkpost::{Generator, GeneratorOptions};
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    progress,
    webhook::{Answer, Body, Target},
};

/// What to generate.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Email events, in batches as SparkPost posts them
    #[command(
        long_about = "Posts made-up email events of a realistic mix, in batches as SparkPost posts them. The same seed, \
                      start, count and sizes give the same bytes.",
        after_help = "Examples:\n  cistern generate sparkpost\n  \
                      cistern generate sparkpost --count 1000000 --rate 5000 --hours 240\n  \
                      cistern generate sparkpost --seed 7 --start 2026-01-01T00:00:00Z --json"
    )]
    Sparkpost(Options),
}

/// What `cistern generate sparkpost` is asked to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Events to post
    #[arg(long, default_value = "10000")]
    count: NonZeroU64,

    /// Events in a batch
    #[arg(long, default_value = "1000")]
    batch_size: NonZeroU32,

    /// Events a second [default: as fast as they are answered]
    #[arg(long)]
    rate: Option<NonZeroU32>,

    /// Batches on their way at once
    #[arg(long, default_value = "4")]
    parallel: NonZeroU32,

    /// Another seed makes other events
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Hours over which the events happened
    #[arg(long, default_value = "1")]
    hours: NonZeroU32,

    /// When the first event happened, as in 2026-01-01T00:00:00Z [default: so that the last happened now]
    #[arg(long, value_parser = parse_time)]
    start: Option<OffsetDateTime>,

    #[command(flatten)]
    target: Target,

    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
struct Summary {
    events: u64,
    batches: u64,
    /// Batches that were not answered with success.
    refused: u64,
    bytes: u64,
    seconds: f64,
    events_per_second: f64,
    /// Time to the answer: half of all were faster, all but one in a hundred.
    median_ms: u128,
    p99_ms: u128,
}

pub(crate) async fn run(command: &Command) -> Result<()> {
    let Command::Sparkpost(options) = command;
    let summary = post_all(options).await?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        println!("{}", text(&summary));
    }
    ensure!(
        summary.refused == 0,
        "{} of {} batches were refused",
        summary.refused,
        summary.batches
    );
    Ok(())
}

async fn post_all(options: &Options) -> Result<Summary> {
    let webhook = options.target.webhook()?;
    let mut generator = Generator::new(options.seed, generator_options(options));
    let bar = progress::bar(options.count.get(), "events");
    let parallel = usize::try_from(options.parallel.get()).context("--parallel is too large")?;
    let started = Instant::now();
    let mut summary = Summary::default();
    let mut times = Vec::new();
    let mut on_their_way = JoinSet::new();
    let mut finish = |summary: &mut Summary, (size, outcome): (u64, Result<Answer>)| {
        bar.inc(size);
        match outcome {
            Ok(answer) if answer.is_accepted() => times.push(answer.time),
            Ok(answer) => {
                summary.refused += 1;
                bar.set_message(format!("last refusal: {}", answer.status));
            }
            Err(error) => {
                summary.refused += 1;
                bar.set_message(format!("{error:#}"));
            }
        }
    };

    while summary.events < options.count.get() {
        if let Some(rate) = options.rate {
            sleep_until(started + due(summary.events, rate)).await;
        }
        if on_their_way.len() >= parallel
            && let Some(outcome) = on_their_way.join_next().await
        {
            finish(&mut summary, outcome?);
        }
        let size = u64::from(options.batch_size.get()).min(options.count.get() - summary.events);
        let bytes = generator.batch(usize::try_from(size).context("--batch-size is too large")?);
        summary.events += size;
        summary.batches += 1;
        summary.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let webhook = webhook.clone();
        on_their_way.spawn(async move {
            let body = Body {
                bytes,
                is_gzip: false,
            };
            (size, webhook.post(body).await)
        });
    }
    while let Some(outcome) = on_their_way.join_next().await {
        finish(&mut summary, outcome?);
    }
    bar.finish_and_clear();

    times.sort_unstable();
    summary.seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate is not exact")]
    let events = summary.events as f64;
    summary.events_per_second = (events / summary.seconds).round();
    summary.median_ms = quantile(&times, 50).as_millis();
    summary.p99_ms = quantile(&times, 99).as_millis();
    Ok(summary)
}

fn generator_options(options: &Options) -> GeneratorOptions {
    let span = Duration::from_secs(u64::from(options.hours.get()) * 3600);
    GeneratorOptions {
        start: options
            .start
            .unwrap_or_else(|| OffsetDateTime::now_utc() - span),
        span,
        total: options.count.get(),
    }
}

/// When the event with this number is to be posted, counted from the start.
fn due(event: u64, rate: NonZeroU32) -> Duration {
    Duration::from_millis(event.saturating_mul(1000) / u64::from(rate.get()))
}

/// The time within which `percent` of all sorted times lie.
fn quantile(times: &[Duration], percent: usize) -> Duration {
    let index = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(index).copied().unwrap_or_default()
}

fn parse_time(text: &str) -> Result<OffsetDateTime, time::error::Parse> {
    OffsetDateTime::parse(text, &Rfc3339)
}

fn text(summary: &Summary) -> String {
    let Summary {
        events,
        batches,
        refused,
        bytes,
        seconds,
        events_per_second,
        median_ms,
        p99_ms,
    } = summary;
    format!(
        "{events} events in {batches} batches ({bytes} bytes), {refused} refused\n\
         {seconds:.1} s, {events_per_second} events/s, answered in {median_ms} ms (median), {p99_ms} ms (99 %)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_times_that_were_seen() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();

        assert_eq!(quantile(&times, 50), Duration::from_millis(100));
        assert_eq!(quantile(&times, 99), Duration::from_millis(198));
        assert_eq!(quantile(&times[..1], 99), Duration::from_millis(1));
        assert_eq!(quantile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn a_rate_spreads_events_evenly() {
        let rate = NonZeroU32::new(2000).unwrap();

        assert_eq!(due(0, rate), Duration::ZERO);
        assert_eq!(due(5000, rate), Duration::from_millis(2500));
    }
}
