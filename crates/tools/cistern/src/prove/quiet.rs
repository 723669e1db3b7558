//! Waiting until everything has come to rest, and then compacting until nothing is left to do.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use aws_io::{S3Client, SqsClient, queue, s3::listing};
use tokio::time::sleep;

use super::functions::Functions;
use crate::{progress::Step, stack::Stack};

const POLL: Duration = Duration::from_secs(1);
/// S3 notifies, and `EventBridge` passes on, a moment after an object is stored, so one look at empty queues proves nothing.
const LOOKS: u32 = 6;
const LIST_LIMIT: Duration = Duration::from_mins(1);
/// A day is planned, written and shown in three runs, and then its month.
const RUNS_WITHOUT_CHANGE: u32 = 4;

/// Waits until the queues are empty, several times in a row.
pub(super) async fn queues(
    stack: &Stack,
    sqs: &SqsClient,
    timeout: Duration,
    step: &Step,
) -> Result<()> {
    let give_up = Instant::now() + timeout;
    let mut looks = 0;
    while looks < LOOKS {
        let depths = depths(stack, sqs).await?;
        let waiting: u64 = ["load", "archive", "forward"]
            .iter()
            .filter_map(|name| depths.get(*name))
            .sum();
        looks = if waiting == 0 { looks + 1 } else { 0 };
        let text: Vec<String> = depths
            .iter()
            .filter(|(_, depth)| **depth > 0)
            .map(|(name, depth)| format!("{name} {depth}"))
            .collect();
        step.note(format!("in queues: {}", text.join(", ")));
        if Instant::now() > give_up {
            bail!(
                "the queues are not empty after {} minutes: {}",
                timeout.as_secs() / 60,
                text.join(", ")
            );
        }
        sleep(POLL).await;
    }
    Ok(())
}

/// The messages in each queue, received ones included.
pub(super) async fn depths<'a>(
    stack: &'a Stack,
    sqs: &SqsClient,
) -> Result<BTreeMap<&'a str, u64>> {
    let mut depths = BTreeMap::new();
    for (name, url) in &stack.queues {
        let depth = queue::depth(sqs, url)
            .await
            .with_context(|| format!("asking the queue {name}"))?;
        depths.insert(name.as_str(), depth.total());
    }
    Ok(depths)
}

/// Runs the compactor until it changes nothing any more; returns how often.
pub(super) async fn compaction(
    stack: &Stack,
    functions: &Functions,
    s3: &S3Client,
    timeout: Duration,
    step: &Step,
) -> Result<u64> {
    let give_up = Instant::now() + timeout;
    let (mut runs, mut unchanged) = (0, 0);
    let mut last = Vec::new();
    while unchanged < RUNS_WITHOUT_CHANGE {
        let has_succeeded = functions.invoke("compactor").await?;
        runs += 1;
        let keys = lake_keys(stack, s3).await?;
        unchanged = if has_succeeded && keys == last {
            unchanged + 1
        } else {
            0
        };
        step.note(format!("run {runs}, {} files", keys.len()));
        last = keys;
        if Instant::now() > give_up {
            bail!("the compactor has not finished after {runs} runs");
        }
    }
    Ok(runs)
}

async fn lake_keys(stack: &Stack, s3: &S3Client) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    for prefix in ["lake/", "state/lake/"] {
        let listed = listing::list(s3, &stack.bucket, prefix, LIST_LIMIT).await?;
        keys.extend(listed.into_iter().map(|object| object.key));
    }
    Ok(keys)
}
