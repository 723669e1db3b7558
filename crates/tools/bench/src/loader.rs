//! The cost of loading, compared with `psql` copying the same rows.

mod footprint;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use event_model::{BatchKey, sparkpost::parse_batch};
use event_samples::sparkpost::{Generator, GeneratorOptions};
use event_store::copy_file;
use serde_json::json;
use tempfile::TempDir;
use time::{OffsetDateTime, macros::datetime};

use crate::{
    database::Database,
    figure::{Better, Figure},
    proc_stat,
};

/// Number of events that each side stores in one repetition.
const EVENTS: usize = 40_000;
const BATCH_SIZES: [usize; 2] = [1_000, 10_000];
/// Number of repetitions per side. Odd, for the median.
const REPETITIONS: usize = 9;
/// CPU time of a copy, divided by that of a load.
const COPY_RATIO_TARGET: f64 = 0.8;
const START: OffsetDateTime = datetime!(2024-06-03 0:00 UTC);
const SPAN: Duration = Duration::from_hours(10 * 24);

/// The same events in both forms.
struct Batches {
    size: usize,
    bodies: Vec<Vec<u8>>,
    files: Vec<PathBuf>,
    folder: TempDir,
}

/// The cost of one repetition.
#[derive(Clone, Copy, Debug)]
struct Cost {
    client: Duration,
    server: Duration,
    clock: Duration,
}

impl Cost {
    fn processor(self) -> Duration {
        self.client + self.server
    }

    fn micros_per_event(self) -> f64 {
        self.processor().as_secs_f64() * 1e6 / count(EVENTS)
    }

    fn events_per_second(self) -> f64 {
        count(EVENTS) / self.clock.as_secs_f64()
    }
}

pub(crate) async fn measure() -> Result<Vec<Figure>> {
    let for_loader = Database::create("loader").await?;
    let for_psql = Database::create("psql").await?;
    for database in [&for_loader, &for_psql] {
        database.make_weeks("2024-06-02", "2024-06-14")?;
    }

    // First, while this process has no freed memory to reuse.
    let mut figures = vec![footprint::memory(&for_loader).await?];
    for size in BATCH_SIZES {
        let batches = Batches::generate(size)?;
        let (mut loads, mut copies) = (Vec::new(), Vec::new());
        for repetition in 0..REPETITIONS {
            eprintln!(
                "{size} events per batch: repetition {} of {REPETITIONS}",
                repetition + 1
            );
            // The two sides take turns in going first.
            if repetition % 2 == 0 {
                loads.push(load(&for_loader, &batches).await?);
                copies.push(copy(&for_psql, &batches)?);
            } else {
                copies.push(copy(&for_psql, &batches)?);
                loads.push(load(&for_loader, &batches).await?);
            }
        }
        figures.extend(compare(size, &loads, &copies));
    }
    figures.extend(footprint::storage(&for_loader)?);
    Ok(figures)
}

fn generator() -> Generator {
    let options = GeneratorOptions {
        start: START,
        span: SPAN,
        total: EVENTS as u64,
    };
    Generator::new(1, options)
}

impl Batches {
    fn generate(size: usize) -> Result<Self> {
        let mut generator = generator();
        let folder = tempfile::tempdir().context("creating a folder for rows")?;
        let (mut bodies, mut files) = (Vec::new(), Vec::new());
        for number in 0..EVENTS / size {
            let body = generator.batch(size);
            let file = folder.path().join(format!("{number}.copy"));
            fs::write(&file, copy_file(&parse_batch(&body, START + SPAN)))
                .context("writing rows")?;
            bodies.push(body);
            files.push(file);
        }
        Ok(Self {
            size,
            bodies,
            files,
            folder,
        })
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The name of a batch in the archive.
    fn key(&self, number: usize) -> Result<BatchKey> {
        let object_key = format!("raw/sparkpost/dt=2024-06-13/{}-{number}.json.gz", self.size);
        BatchKey::from_object_key(&object_key).context("naming a batch")
    }
}

/// The loader's repetition: parsing and storing, from bodies in memory, on one connection.
async fn load(database: &Database, batches: &Batches) -> Result<Cost> {
    database.reset()?;
    let postmaster = database.postmaster()?;
    let store = database.store()?;
    let (client, server) = (
        proc_stat::of_this_process()?,
        proc_stat::of_family(postmaster)?,
    );
    let start = Instant::now();

    for (number, body) in batches.bodies.iter().enumerate() {
        let batch = parse_batch(body, START + SPAN);
        store.load_batch(&batches.key(number)?, &batch).await?;
    }

    let cost = Cost {
        clock: start.elapsed(),
        client: proc_stat::of_this_process()?.saturating_sub(client),
        server: proc_stat::of_family(postmaster)?.saturating_sub(server),
    };
    ensure!(
        database.event_count()? == EVENTS,
        "not all events were loaded"
    );
    Ok(cost)
}

/// The repetition of `psql`: copying rendered rows from files, on one connection.
fn copy(database: &Database, batches: &Batches) -> Result<Cost> {
    database.reset()?;
    let postmaster = database.postmaster()?;
    let (client, server) = (
        proc_stat::of_ended_children()?,
        proc_stat::of_family(postmaster)?,
    );
    let start = Instant::now();

    database
        .psql()
        .copy_into_events(&batches.files, batches.folder())?;

    let cost = Cost {
        clock: start.elapsed(),
        client: proc_stat::of_ended_children()?.saturating_sub(client),
        server: proc_stat::of_family(postmaster)?.saturating_sub(server),
    };
    ensure!(
        database.event_count()? == EVENTS,
        "not all events were copied"
    );
    Ok(cost)
}

fn compare(size: usize, loads: &[Cost], copies: &[Cost]) -> Vec<Figure> {
    let of = |costs: &[Cost], what: fn(Cost) -> f64| median(costs.iter().copied().map(what));
    let load_micros = of(loads, Cost::micros_per_event);
    let copy_micros = of(copies, Cost::micros_per_event);
    let repetitions = |costs: &[Cost]| -> Vec<_> {
        costs
            .iter()
            .map(|cost| {
                json!({
                    "client_ms": cost.client.as_millis(),
                    "server_ms": cost.server.as_millis(),
                    "clock_ms": cost.clock.as_millis(),
                })
            })
            .collect()
    };
    let ratio = Figure::new(
        format!("loader.copy_ratio.{size}"),
        copy_micros / load_micros,
        "ratio",
        Better::Higher,
    );
    let detail =
        json!({ "events": EVENTS, "loader": repetitions(loads), "psql": repetitions(copies) });
    vec![
        ratio.target(COPY_RATIO_TARGET).detail(detail),
        Figure::new(
            format!("loader.cpu_us_per_event.{size}"),
            load_micros,
            "us/event",
            Better::Lower,
        )
        .detail(json!({ "psql": copy_micros })),
        Figure::new(
            format!("loader.events_per_second.{size}"),
            of(loads, Cost::events_per_second),
            "events/s",
            Better::Higher,
        )
        .detail(json!({ "psql": of(copies, Cost::events_per_second) })),
    ]
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a measurement are far below 2^52"
)]
fn count(number: usize) -> f64 {
    number as f64
}
