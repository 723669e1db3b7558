//! Draining a queue into a destination that responds immediately.
//!
//! The run is a separate process, so its CPU time and memory can be distinguished from those of the stand-in for Iterable.

use std::{
    env,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use aws_io::{
    Aws,
    queue::{depth, send},
};
use event_mapping::{Mapper, MappingConfig};
use event_model::Pipeline;
use forwarder::{
    Run, RunDeadlines, RunSettings, UnknownUsers, VisibilityBackoff,
    destination::{Iterable, IterableRates, http_client},
};
use function_kit::metrics::Metrics;
use futures::{StreamExt, TryStreamExt, stream};
use iterable_stand_in::{StandIn, serve};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use tokio::{net::TcpListener, process::Command, time::Instant};
use url::Url;

use super::bodies;
use crate::{
    figure::{Better, Figure},
    proc_stat,
};

const EVENTS: usize = 100_000;
const EVENTS_IN_A_MESSAGE: usize = 25;
const REQUESTS_PER_SECOND: f64 = 8.0;
/// CPU time of the run, as a share of its wall-clock time.
const PROCESSOR_TARGET: f64 = 0.2;
const MEMORY_TARGET: f64 = 64.0;
/// The longest invocation in Lambda.
const AVAILABLE: Duration = Duration::from_mins(15);

/// The run's settings, in its environment.
const QUEUE: &str = "BENCH_QUEUE_URL";
const BUCKET: &str = "BENCH_BUCKET";
const DESTINATION: &str = "BENCH_DESTINATION_URL";

/// The run's report.
#[derive(Debug, Serialize, Deserialize)]
struct Account {
    sent: u64,
    requests: u64,
    seconds: f64,
    processor_seconds: f64,
    peak_megabytes: f64,
}

pub(super) async fn measure() -> Result<Vec<Figure>> {
    let endpoint_url =
        env::var("AWS_ENDPOINT_URL").context("AWS_ENDPOINT_URL must name a local AWS endpoint")?;
    let aws = Aws::local(&endpoint_url).await;
    let (s3, sqs) = (aws.s3(), aws.sqs());
    let name = format!(
        "bench-forwarder-{}",
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)?
            .as_nanos()
    );
    s3.create_bucket().bucket(&name).send().await?;
    let queue = sqs.create_queue().queue_name(&name).send().await?;
    let queue_url = queue.queue_url().context("the queue's URL")?;

    eprintln!("sending {EVENTS} events to a queue");
    let messages = bodies(EVENTS, EVENTS_IN_A_MESSAGE);
    let message_count = messages.len();
    stream::iter(&messages)
        .map(|body| send(&sqs, queue_url, body))
        .buffer_unordered(8)
        .try_collect::<Vec<()>>()
        .await?;
    drop(messages);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let destination = format!("http://{}", listener.local_addr()?);
    let stand_in = StandIn::default();
    let serving = tokio::spawn(serve(listener, stand_in.clone()));
    eprintln!("draining it");
    let output = Command::new(env::current_exe()?)
        .arg("forwarder-drain")
        .envs([
            (QUEUE, queue_url),
            (BUCKET, &name),
            (DESTINATION, &destination),
        ])
        .output()
        .await?;
    serving.abort();
    ensure!(
        output.status.success(),
        "the run failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let account: Account = serde_json::from_slice(&output.stdout)?;
    let left = depth(&sqs, queue_url).await?.total();
    let arrived = stand_in.counts().events;
    sqs.delete_queue().queue_url(queue_url).send().await?;
    ensure!(
        left == 0 && account.sent == arrived,
        "{left} messages are left, {arrived} events arrived of {} sent",
        account.sent
    );
    figures(&account, message_count)
}

fn figures(account: &Account, messages: usize) -> Result<Vec<Figure>> {
    let requests = u32::try_from(account.requests)?;
    let least_seconds = f64::from(requests.saturating_sub(1)) / REQUESTS_PER_SECOND;
    let figure = |name: &str, value, unit, better| {
        Figure::new(format!("forwarder.drain.{name}"), value, unit, better)
    };
    let detail = json!({ "events": EVENTS, "messages": messages, "account": account });
    Ok(vec![
        figure(
            "processor_share",
            account.processor_seconds / account.seconds,
            "of the run",
            Better::Lower,
        )
        .target(PROCESSOR_TARGET)
        .detail(detail),
        figure("memory", account.peak_megabytes, "MB", Better::Lower).target(MEMORY_TARGET),
        figure(
            "time_over_pace",
            account.seconds / least_seconds,
            "times",
            Better::Lower,
        ),
        figure("seconds", account.seconds, "s", Better::Lower),
    ])
}

/// The run itself, which prints its report.
pub(crate) async fn run() -> Result<()> {
    let of = |name: &'static str| env::var(name).with_context(|| format!("{name} is not set"));
    let (queue_url, bucket, destination) = (of(QUEUE)?, of(BUCKET)?, of(DESTINATION)?);
    let aws = Aws::from_env().await;
    let rates = IterableRates {
        bulk: REQUESTS_PER_SECOND,
        purchases: REQUESTS_PER_SECOND,
    };
    let iterable = Iterable::new(
        http_client()?,
        &Url::parse(&destination)?,
        "key".into(),
        rates,
    )?;
    let settings = RunSettings {
        max_event_age: None,
        unknown_users: UnknownUsers::Retry,
        unknown_user_retry_for: Duration::from_hours(24),
        request_timeout: Duration::from_secs(30),
        visibility: VisibilityBackoff::default(),
    };
    let mapper = Mapper::new(MappingConfig::default())?;
    let metrics = Metrics::to(Pipeline::AppEvents, std::io::sink());
    let (s3, sqs) = (aws.s3(), aws.sqs());
    let run = Run {
        s3: &s3,
        sqs: &sqs,
        bucket: &bucket,
        queue_url: &queue_url,
        erased: &erasure::Tombstones::default(),
        destination: &iterable,
        mapper: &mapper,
        settings: &settings,
        metrics: &metrics,
        clock: OffsetDateTime::now_utc,
        run_id: "bench",
        seed: 1,
    };
    let started = Instant::now();
    let before = proc_stat::of_this_process()?;
    let report = Box::pin(run.drain(RunDeadlines::new(started, AVAILABLE))).await;
    #[expect(clippy::cast_precision_loss, reason = "megabytes are not exact")]
    let peak_megabytes = proc_stat::peak_memory()? as f64 / 1e6;
    let account = Account {
        sent: report.events.sent,
        requests: report.requests,
        seconds: started.elapsed().as_secs_f64(),
        processor_seconds: proc_stat::of_this_process()?
            .saturating_sub(before)
            .as_secs_f64(),
        peak_megabytes,
    };
    println!("{}", serde_json::to_string(&account)?);
    Ok(())
}
