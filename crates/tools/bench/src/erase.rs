//! The cost of searching raw objects, Postgres and the lake for one person, as an erasure does in each of its passes.

mod archive;

use std::{env, time::Duration};

use anyhow::{Context as _, Result, ensure};
use aws_io::{
    Aws, S3Client,
    s3::{ObjectRef, get_capped},
};
use eraser::{Config, Deps, handle};
use function_kit::Env;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use time::OffsetDateTime;

use self::archive::Archive;
use crate::{
    database::Database,
    figure::{Better, Figure},
    proc_stat,
};

/// Number of events, unless `BENCH_EVENTS` says otherwise. The cost grows with it linearly.
const EVENTS: usize = 200_000;
/// Of each place. Odd, for the median.
const REPETITIONS: usize = 3;
/// CPU seconds for a million events in all three places.
const SECONDS_TARGET: f64 = 60.0;
const CALL_LIMIT: Duration = Duration::from_mins(1);
/// An invocation's time.
const AVAILABLE: Duration = Duration::from_mins(15);
const MAX_BYTES: usize = 16 << 20;

/// A place, and what is there.
struct Place<'a> {
    name: &'static str,
    bucket: &'a str,
    database: Option<&'a Database>,
}

pub(crate) async fn measure() -> Result<Vec<Figure>> {
    let events = match env::var("BENCH_EVENTS") {
        Ok(number) => number.parse().context("reading BENCH_EVENTS")?,
        Err(_) => EVENTS,
    };
    let endpoint_url = env::var("AWS_ENDPOINT_URL")
        .context("AWS_ENDPOINT_URL must name a local AWS endpoint; `cistern exec` sets it")?;
    let s3 = Aws::local(&endpoint_url).await.s3();
    let database = Database::create("erase").await?;
    let archive = Archive::fill(&s3, &database, events).await?;
    let places = [
        Place {
            name: "raw",
            bucket: &archive.raw,
            database: None,
        },
        Place {
            name: "postgres",
            bucket: &archive.empty,
            database: Some(&database),
        },
        Place {
            name: "lake",
            bucket: &archive.lake,
            database: None,
        },
    ];
    let mut figures = Vec::new();
    let mut total = 0.0;
    for place in &places {
        let mut seconds = Vec::new();
        for repetition in 0..REPETITIONS {
            eprintln!(
                "{}: repetition {} of {REPETITIONS}",
                place.name,
                repetition + 1
            );
            seconds.push(search(&s3, place, repetition).await?);
        }
        let per_million: Vec<f64> = seconds
            .iter()
            .map(|cost| cost.as_secs_f64() * 1e6 / count(events))
            .collect();
        let median = median(&per_million);
        total += median;
        figures.push(
            Figure::new(
                format!("erase.cpu_s_per_million.{}", place.name),
                median,
                "s",
                Better::Lower,
            )
            .detail(json!({ "repetitions": per_million })),
        );
    }
    figures.push(
        Figure::new(
            "erase.cpu_s_per_million".to_owned(),
            total,
            "s",
            Better::Lower,
        )
        .target(SECONDS_TARGET)
        .detail(json!({ "events": events })),
    );
    Ok(figures)
}

/// The CPU time of a search of all that is in a place, for a person who has nothing there: of this process and of the database's server.
async fn search(s3: &S3Client, place: &Place<'_>, repetition: usize) -> Result<Duration> {
    let settings = [("EVENTS_BUCKET", place.bucket), ("WAIT_SECONDS", "0")];
    let config = Config::from_env(&Env::from_pairs(settings))?;
    let mut deps = Deps::with(config, s3.clone(), OffsetDateTime::now_utc)?;
    if let Some(database) = place.database {
        deps.store = Some(database.searching_store()?);
    }
    let postmaster = place.database.map(Database::postmaster).transpose()?;
    let server = || postmaster.map(proc_stat::of_family).transpose();
    let id = format!("bench-{repetition}");
    let (client_before, server_before) = (proc_stat::of_this_process()?, server()?);

    let start = json!({"start": {
        "id": id, "addresses": ["nobody@erased.example"], "ids": ["user-of-nobody-4711"], "run": false,
    }});
    let mut answer = invoke(&deps, start).await?;
    while answer["is_finished"] != true {
        answer = invoke(&deps, json!({"continue": id})).await?;
    }

    let client = proc_stat::of_this_process()?.saturating_sub(client_before);
    let server = server()?
        .unwrap_or_default()
        .saturating_sub(server_before.unwrap_or_default());
    let receipt = receipt(s3, place.bucket, &id).await?;
    let pass = &receipt["receipt"]["passes"][0];
    ensure!(
        pass["problems"].as_array().is_some_and(Vec::is_empty),
        "not everything was searched: {}",
        pass["problems"]
    );
    Ok(client + server)
}

async fn invoke(deps: &Deps, event: Value) -> Result<Value> {
    let mut context = Context::default();
    let deadline = OffsetDateTime::now_utc() + AVAILABLE;
    context.deadline = u64::try_from(deadline.unix_timestamp())? * 1_000;
    handle(deps, LambdaEvent::new(event, context))
        .await
        .map_err(|error| anyhow::anyhow!("the eraser failed: {error}"))
}

async fn receipt(s3: &S3Client, bucket: &str, id: &str) -> Result<Value> {
    let name = ObjectRef {
        bucket: bucket.to_owned(),
        key: format!("state/erasures/{id}/receipt.json"),
    };
    let bytes = get_capped(s3, &name, MAX_BYTES, CALL_LIMIT).await?;
    serde_json::from_slice(&bytes).context("reading the receipt")
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a measurement are far below 2^52"
)]
fn count(number: usize) -> f64 {
    number as f64
}
