//! Posting batches: at a rate, several on their way at once, each response counted.

use std::{
    fmt,
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    operator::{
        pace::Pace,
        webhook::{Body, Webhook, WebhookResponse},
    },
    plural::counted,
    progress,
};

/// How much, and how fast.
#[derive(Debug)]
pub(super) struct Plan {
    /// Number of events.
    pub(super) count: NonZeroU64,
    /// Events per batch.
    pub(super) batch_size: u32,
    /// Events per second; `None` posts as fast as responses arrive.
    pub(super) rate: Option<NonZeroU32>,
    /// Concurrent batches.
    pub(super) parallel: NonZeroU32,
}

/// The results.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    events: u64,
    pub(super) batches: u64,
    /// Batches without a success response.
    pub(super) refused: u64,
    /// The reason of the first of them, with all causes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_refusal: Option<String>,
    bytes: u64,
    seconds: f64,
    events_per_second: f64,
    /// Time to the response: half of all were faster, all but one in a hundred.
    median_ms: u128,
    p99_ms: u128,
}

/// Posts what `make_batch` makes of each number of events.
pub(super) async fn post_all(
    webhook: &Webhook,
    plan: &Plan,
    mut make_batch: impl FnMut(usize) -> Vec<u8>,
) -> Result<Summary> {
    let bar = progress::bar(plan.count.get(), "events");
    let parallel = usize::try_from(plan.parallel.get()).context("--parallel is too large")?;
    let started = Instant::now();
    let mut pace = Pace::new(plan.rate);
    let mut summary = Summary::default();
    let mut times = Vec::new();
    let mut on_their_way = JoinSet::new();

    while summary.events < plan.count.get() {
        let size = u64::from(plan.batch_size).min(plan.count.get() - summary.events);
        pace.turn(size).await;
        if on_their_way.len() >= parallel
            && let Some(outcome) = on_their_way.join_next().await
        {
            summary.count_answer(&bar, &mut times, outcome?);
        }
        let bytes = make_batch(usize::try_from(size).context("--batch-size is too large")?);
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
        summary.count_answer(&bar, &mut times, outcome?);
    }
    bar.finish_and_clear();
    summary.finish(started.elapsed(), times);
    Ok(summary)
}

impl Summary {
    fn count_answer(
        &mut self,
        bar: &ProgressBar,
        times: &mut Vec<Duration>,
        (size, outcome): (u64, Result<WebhookResponse>),
    ) {
        bar.inc(size);
        match outcome {
            Ok(WebhookResponse {
                refusal: Some(why), ..
            }) => self.refuse(bar, why),
            Ok(response) => times.push(response.time),
            Err(error) => {
                self.refuse(bar, format!("{error:#}"));
            }
        }
    }

    fn refuse(&mut self, bar: &ProgressBar, why: String) {
        self.refused += 1;
        bar.set_message(format!("last refusal: {why}"));
        self.first_refusal.get_or_insert(why);
    }

    fn finish(&mut self, elapsed: Duration, mut times: Vec<Duration>) {
        times.sort_unstable();
        self.seconds = elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate is not exact")]
        let events = self.events as f64;
        self.events_per_second = (events / self.seconds).round();
        self.median_ms = quantile(&times, 50).as_millis();
        self.p99_ms = quantile(&times, 99).as_millis();
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            events,
            batches,
            refused,
            first_refusal: _,
            bytes,
            seconds,
            events_per_second,
            median_ms,
            p99_ms,
        } = self;
        write!(
            formatter,
            "{} in {} ({bytes} bytes), {refused} refused\n\
             {seconds:.1} s, {events_per_second} events/s, answered in {median_ms} ms (median), {p99_ms} ms (99 %)",
            counted(*events, "event"),
            counted(*batches, "batch")
        )
    }
}

/// The percentile `percent` of sorted times.
fn quantile(times: &[Duration], percent: usize) -> Duration {
    let index = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(index).copied().unwrap_or_default()
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
}
