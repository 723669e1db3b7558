//! Everything at once: a destination that fails at random, and a forwarder that is killed at random.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use event_samples::random::Random;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::forwarding::rig::{Forwarding, screen_views};
use crate::function::Function;
use crate::outages::signal;
use crate::stack::fresh_id;

const EVENTS: usize = 20_000;
const KILLS: usize = 50;
/// Messages with this many events, some of which are posted before each kill.
const EVENTS_IN_A_MESSAGE: usize = 40;

/// Short runs, so that the messages of a killed one become visible soon.
const TIMEOUT_S: u32 = 6;
const SETTINGS: [(&str, &str); 3] = [
    ("REQUESTS_PER_SECOND", "200"),
    ("REQUEST_TIMEOUT_MS", "400"),
    ("RETRY_SECONDS", "1"),
];
/// The slowest are messages that were received often, which stay invisible longer each time.
const UNTIL_EMPTY: Duration = Duration::from_mins(5);

/// Another sequence with `CISTERN_TEST_SEED`.
fn seed() -> Result<u64> {
    match std::env::var("CISTERN_TEST_SEED") {
        Ok(text) => text.parse().context("CISTERN_TEST_SEED must be a number"),
        Err(_) => Ok(20_261_121),
    }
}

#[tokio::test]
async fn every_event_arrives_whatever_fails_and_whenever_the_forwarder_is_killed() -> Result<()> {
    let seed = seed()?;
    let mut random = Random::new(seed);
    let forwarding = Forwarding::with(&SETTINGS).await?;
    forwarding.configure(TIMEOUT_S, &SETTINGS).await?;
    let rejected_before = forwarding.rejected_keys().await?;
    let faults = [
        "users_failed",
        "unnamed_failures",
        "invalid_item",
        "refused",
        "unauthorized",
        "forbidden",
        "too_large",
        "rate_limited",
        "unavailable",
        "response_lost",
        "response_cut",
        "hang",
    ];
    forwarding
        .iterable(&json!({"random": {"share": 0.2, "seed": seed, "faults": faults}}))
        .await?;

    let mut messages = Messages::new();
    let mut kills = 0;
    while kills < KILLS {
        messages.post_some(&forwarding, EVENTS / KILLS).await?;
        let delay = Duration::from_millis(20 + random.below(1_500));
        kills += usize::from(kill_a_run(&forwarding, delay).await?);
    }
    messages
        .post_some(&forwarding, EVENTS - messages.ids.len())
        .await?;
    run_until_empty(&forwarding).await?;

    let expected = messages.ids;
    let arrived: BTreeSet<String> = forwarding.arrived().await?.into_keys().collect();
    let strange = arrived.difference(&expected).count();
    let missing = expected.difference(&arrived).count();
    ensure!(
        (expected.len(), strange, missing) == (EVENTS, 0, 0),
        "seed {seed}: {} events, {missing} are missing, {strange} came that nobody sent",
        expected.len()
    );
    let rejected = forwarding.rejected_keys().await?;
    ensure!(
        rejected == rejected_before,
        "seed {seed}: good events were rejected"
    );
    ensure!(
        forwarding.dead().await? == 0,
        "seed {seed}: good messages went to the DLQ"
    );
    let counts = forwarding.received("").await?;
    let played = counts["faults"].as_object().map_or(0, serde_json::Map::len);
    ensure!(
        played >= 5,
        "seed {seed}: only {} were played",
        counts["faults"]
    );
    forwarding.restore().await
}

/// The messages that were posted, and the ids of their events.
struct Messages {
    prefix: String,
    ids: BTreeSet<String>,
}

impl Messages {
    fn new() -> Self {
        Self {
            prefix: fresh_id("disorder"),
            ids: BTreeSet::new(),
        }
    }

    /// Posts this many more events, unless there are enough.
    async fn post_some(&mut self, forwarding: &Forwarding, events: usize) -> Result<()> {
        let until = (self.ids.len() + events).min(EVENTS);
        while self.ids.len() < until {
            let first = self.ids.len();
            let count = EVENTS_IN_A_MESSAGE.min(until - first);
            let ids: Vec<String> = (first..first + count)
                .map(|n| format!("{}-{n}", self.prefix))
                .collect();
            forwarding
                .deliver(screen_views(&format!("user-{}", first % 97), &ids))
                .await?;
            self.ids.extend(ids);
        }
        Ok(())
    }
}

/// Starts a run and kills its process after a while; whether that interrupted the run.
async fn kill_a_run(forwarding: &Forwarding, delay: Duration) -> Result<bool> {
    let function = Function::named(&forwarding.stack, "forwarder")?;
    let kill = async {
        sleep(delay).await;
        let processes = function.processes()?;
        for process in &processes {
            ensure!(
                signal("KILL", *process).is_ok() || !is_alive(*process),
                "process {process} cannot be killed"
            );
        }
        Ok(!processes.is_empty())
    };
    let (report, has_killed) = tokio::try_join!(function.tick(), kill)?;
    Ok(has_killed && report.is_none())
}

fn is_alive(process: u32) -> bool {
    std::path::Path::new("/proc")
        .join(process.to_string())
        .exists()
}

async fn run_until_empty(forwarding: &Forwarding) -> Result<()> {
    let function = Function::named(&forwarding.stack, "forwarder")?;
    let give_up = Instant::now() + UNTIL_EMPTY;
    while forwarding.waiting().await? > 0 {
        if Instant::now() > give_up {
            bail!("{} messages are left", forwarding.waiting().await?);
        }
        function.tick().await?;
    }
    Ok(())
}
