//! `cistern replay`: sends notifications about stored objects, so that they are processed again.

mod plan;

use std::num::NonZeroU32;

use anyhow::{Context as _, Result, ensure};
use aws_io::{
    SqsClient, notification, queue,
    s3::{ObjectRef, listing},
};
use serde::Serialize;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::Instant;

use self::plan::{Plan, Queue, parse_time};
use crate::{
    operator::{query, target::TargetArgs},
    progress,
};

/// Time limit of one page of a listing.
const LIST_LIMIT: Duration = Duration::from_mins(1);
/// Time limit of one round of parallel calls.
const SEND_LIMIT: Duration = Duration::from_mins(1);
/// Messages in one call.
const PER_CALL: usize = 10;

/// Options of `cistern replay`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Prefix of the objects' keys, such as raw/sparkpost/ or raw/track/dt=2026-01-31/
    #[arg(value_name = "PREFIX")]
    prefix: String,

    /// Only objects that arrived at or after this time, by the day or hour in their keys: 2026-01-31 or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<OffsetDateTime>,

    /// Only objects that arrived before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<OffsetDateTime>,

    /// The queue that processes them [default: by the prefix]
    #[arg(long, value_enum)]
    queue: Option<Queue>,

    /// Another bucket, which the function's role must be allowed to read [default: the stack's]
    #[arg(long)]
    bucket: Option<String>,

    /// Send the notifications (default: a dry run that prints what would be sent)
    #[arg(long)]
    run: bool,

    /// Parallel calls, each with ten notifications
    #[arg(long, default_value = "4")]
    parallel: NonZeroU32,

    #[command(flatten)]
    target: TargetArgs,

    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// The objects found and the notifications sent.
#[derive(Debug, Serialize)]
struct Summary {
    bucket: String,
    queue: Queue,
    objects: usize,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_key: Option<String>,
    dry_run: bool,
    sent: usize,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let plan = Plan::new(&options.prefix, options.queue, options.from, options.to)?;
    let target = options.target.find().await?;
    let bucket = match &options.bucket {
        Some(bucket) => bucket.clone(),
        None => target.output("EventsBucketName")?.to_owned(),
    };
    let queue_url = target.output(plan.queue.output())?;

    let s3 = target.aws.s3();
    let mut objects = Vec::new();
    for prefix in plan.prefixes() {
        let listed = listing::list(&s3, &bucket, &prefix, LIST_LIMIT).await?;
        objects.extend(listed.into_iter().filter(|object| plan.takes(object)));
    }
    let mut summary = Summary {
        queue: plan.queue,
        objects: objects.len(),
        bytes: objects.iter().map(|object| object.size_bytes).sum(),
        first_key: objects.first().map(|object| object.key.clone()),
        last_key: objects.last().map(|object| object.key.clone()),
        dry_run: !options.run,
        sent: 0,
        bucket: bucket.clone(),
    };
    if options.run {
        let notifications = objects.into_iter().map(|object| {
            notification::encode(&ObjectRef {
                bucket: bucket.clone(),
                key: object.key,
            })
        });
        let notifications: Vec<String> = notifications.collect();
        summary.sent = send_all(
            &target.aws.sqs(),
            queue_url,
            &notifications,
            options.parallel,
        )
        .await?;
    }

    if options.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        println!("{}", text(&summary));
    }
    ensure!(
        !options.run || summary.sent == summary.objects,
        "{} of {} notifications were not accepted; it is safe to run the same replay again",
        summary.objects - summary.sent,
        summary.objects
    );
    Ok(())
}

/// Sends the notifications. Returns how many the queue accepted.
async fn send_all(
    sqs: &SqsClient,
    queue_url: &str,
    notifications: &[String],
    parallel: NonZeroU32,
) -> Result<usize> {
    let bar = progress::bar(
        u64::try_from(notifications.len()).unwrap_or(u64::MAX),
        "objects",
    );
    let parallel = usize::try_from(parallel.get()).context("--parallel is too large")?;
    let mut sent = 0;
    for chunk in notifications.chunks(parallel.saturating_mul(PER_CALL)) {
        let deadline = Instant::now() + SEND_LIMIT;
        let failures = queue::send_batch(sqs, queue_url, chunk, parallel, deadline).await;
        if let Some(error) = failures.error {
            return Err(error.into());
        }
        sent += chunk.len() - failures.indices.len();
        bar.inc(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
    }
    bar.finish_and_clear();
    Ok(sent)
}

fn text(summary: &Summary) -> String {
    let Summary {
        bucket,
        queue,
        objects,
        bytes,
        sent,
        ..
    } = summary;
    let size = query::bytes(*bytes);
    let (Some(first), Some(last)) = (&summary.first_key, &summary.last_key) else {
        return format!("no matching objects in {bucket}");
    };
    let keys = format!("  first  {first}\n  last   {last}");
    if summary.dry_run {
        format!(
            "{objects} objects of {size} in {bucket} would go to the {} queue:\n{keys}\nNothing is sent yet: add --run.",
            queue.name()
        )
    } else {
        format!(
            "{sent} of {objects} objects of {size} went to the {} queue:\n{keys}",
            queue.name()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dry_run_says_that_nothing_is_sent() {
        let mut summary = Summary {
            bucket: "events".to_owned(),
            queue: Queue::Archive,
            objects: 2,
            bytes: 3_000,
            first_key: Some("raw/track/a".to_owned()),
            last_key: Some("raw/track/b".to_owned()),
            dry_run: true,
            sent: 0,
        };

        assert!(
            text(&summary).contains("2 objects of 3.0 kB in events would go to the archive queue")
        );
        assert!(text(&summary).ends_with("Nothing is sent yet: add --run."));
        summary.dry_run = false;
        summary.sent = 2;
        assert!(text(&summary).starts_with("2 of 2 objects"));
    }
}
