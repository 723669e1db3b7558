//! The cost of converting product events to Parquet, compared with `DuckDB`, and the bytes that queries read.

mod corpus;
mod duckdb;

use std::{
    fs::File,
    io::{BufReader, sink},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use event_samples::track::Shape;
use lake_files::{Merge, Source, convert};
use lake_schema::{FileId, Table};
use serde_json::json;
use time::macros::{date, datetime};

use self::corpus::Corpus;
use crate::{
    figure::{Better, Figure},
    proc_stat,
};

/// Number of repetitions per side; the best counts, because other load on the machine can only slow a repetition down.
const REPETITIONS: usize = 3;
/// The compactor's memory limit for a column, with 1 GiB of memory.
const COLUMN_BYTES: usize = 128 << 20;
const MEGABYTE: f64 = 1e6;
/// Events of a month and of a year in the published design.
const MONTH_EVENTS: f64 = 200e6;
const YEAR_EVENTS: f64 = 2.4e9;

/// The cost of one repetition.
#[derive(Clone, Copy, Debug)]
struct Measurement {
    cpu_seconds: f64,
    peak_bytes: f64,
}

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (shape, name, events) in [
        (Shape::Article, "article", 6_800_000),
        (Shape::Click, "click", 1_600_000),
    ] {
        let corpus = Corpus::generate(shape, events)?;
        figures.extend(measure_shape(name, &corpus)?);
    }
    let on_shape = Corpus::generate(Shape::Article, 2_000_000)?;
    let off_shape = on_shape.with_every_tenth_off_shape()?;
    let speed = |corpus: &Corpus| -> Result<f64> {
        Ok(corpus.megabytes() / best(|| archive(corpus))?.cpu_seconds)
    };
    let ratio = speed(&off_shape)? / speed(&on_shape)?;
    figures.push(
        Figure::new(
            "lake.off_shape_ratio".into(),
            ratio,
            "of speed",
            Better::Higher,
        )
        .target(0.6),
    );
    Ok(figures)
}

fn measure_shape(name: &str, corpus: &Corpus) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let sort = Table::product_events();
    let sort = duckdb::order(&sort, corpus.shape());
    let compacted = corpus.folder().join("day.parquet");
    for (way, order, target) in [("unsorted", "", 1.5), ("sorted", sort.as_str(), 1.2)] {
        let mut ours: Option<Measurement> = None;
        let mut theirs: Option<Measurement> = None;
        for repetition in 0..REPETITIONS {
            eprintln!(
                "{name}, {way}: repetition {} of {REPETITIONS}",
                repetition + 1
            );
            let one = if order.is_empty() {
                archive(corpus)?
            } else {
                archive_and_compact(corpus, &compacted)?
            };
            ours = Some(better(ours, one));
            theirs = Some(better(theirs, duckdb::convert(corpus, order)?));
        }
        let (ours, theirs) = (
            ours.context("a repetition")?,
            theirs.context("a repetition")?,
        );
        let id = |what: &str| format!("lake.{name}.{way}.{what}");
        let speed = |repetition: Measurement| corpus.megabytes() / repetition.cpu_seconds;
        figures.extend([
            Figure::new(id("speed"), speed(ours), "MB/CPU-s", Better::Higher),
            Figure::new(
                id("duckdb_speed"),
                speed(theirs),
                "MB/CPU-s",
                Better::Higher,
            ),
            Figure::new(
                id("times_duckdb"),
                speed(ours) / speed(theirs),
                "x",
                Better::Higher,
            )
            .target(target),
            Figure::new(
                id("peak_memory"),
                ours.peak_bytes / MEGABYTE,
                "MB",
                Better::Lower,
            ),
            Figure::new(
                id("duckdb_peak_memory"),
                theirs.peak_bytes / MEGABYTE,
                "MB",
                Better::Lower,
            ),
        ]);
    }
    figures.extend(bytes_scanned(name, corpus, &compacted)?);
    Ok(figures)
}

/// Bytes of an event that queries read of a compacted day, footers included.
fn bytes_scanned(name: &str, corpus: &Corpus, day: &Path) -> Result<Vec<Figure>> {
    let footers = duckdb::footers(day)?;
    let column_bytes: f64 = footers.columns.values().sum();
    let footer_bytes = footers.total_bytes - column_bytes;
    let per_event = |bytes: f64| bytes / footers.rows;
    let column = |name: &str| -> Result<f64> {
        let bytes = footers
            .columns
            .get(name)
            .with_context(|| format!("no column {name}"))?;
        Ok(per_event(bytes + footer_bytes))
    };
    let (user, event) = (column("userid")?, column("event")?);
    let whole = per_event(footers.total_bytes);
    let (user_target, event_target) = match corpus.shape() {
        Shape::Article => (0.005, 0.004),
        Shape::Click => (4.1, 0.005),
    };
    let scanned = |what: &str, bytes| {
        Figure::new(
            format!("lake.{name}.{what}_bytes"),
            bytes,
            "B/event",
            Better::Lower,
        )
    };
    let whole_file = scanned("whole_file", whole);
    let query = |what: &str, per_event: f64, events: f64, published_gb: f64| {
        Figure::new(
            format!("lake.{name}.{what}"),
            per_event * events / MEGABYTE,
            "MB",
            Better::Lower,
        )
        .detail(json!({ "published_megabytes": published_gb * 1_000.0, "events": events }))
    };
    Ok(vec![
        scanned("user", user).target(user_target),
        scanned("event", event).target(event_target),
        match corpus.shape() {
            Shape::Article => whole_file,
            Shape::Click => whole_file.target(42.0),
        },
        query("users_of_a_month", user, MONTH_EVENTS, 1.48),
        query("logins_of_a_year", event, YEAR_EVENTS, 1.14),
        query("users_of_a_year", user, YEAR_EVENTS, 17.0),
    ])
}

fn best(run: impl Fn() -> Result<Measurement>) -> Result<Measurement> {
    let mut best = run()?;
    for _ in 1..REPETITIONS {
        best = better(Some(best), run()?);
    }
    Ok(best)
}

fn better(one: Option<Measurement>, other: Measurement) -> Measurement {
    match one {
        Some(one) if one.cpu_seconds <= other.cpu_seconds => one,
        Some(_) | None => other,
    }
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Measurement> {
    proc_stat::reset_peak_memory()?;
    let before = proc_stat::of_this_process()?;
    work()?;
    let spent = proc_stat::of_this_process()?.saturating_sub(before);
    Ok(Measurement {
        cpu_seconds: spent.as_secs_f64(),
        peak_bytes: float(proc_stat::peak_memory()?),
    })
}

/// Converts each file, like one invocation after another.
fn archive(corpus: &Corpus) -> Result<Measurement> {
    timed(|| {
        corpus
            .files()
            .iter()
            .try_for_each(|file| convert_file(file).map(drop))
    })
}

/// Converts each file and merges the results, like the two functions.
fn archive_and_compact(corpus: &Corpus, day: &Path) -> Result<Measurement> {
    timed(|| {
        let mut merge = Merge::new(
            Table::product_events(),
            corpus.folder().to_owned(),
            COLUMN_BYTES,
        );
        for file in corpus.files() {
            for part in convert_file(file)? {
                merge.add(File::open(part)?)?;
            }
        }
        let id = FileId::of_compacted_day("product_events", date!(2026 - 01 - 01), &[]);
        merge.finish(File::create(day)?, id)?;
        Ok(())
    })
}

/// The paths of a file's parts.
fn convert_file(file: &Path) -> Result<Vec<PathBuf>> {
    let table = Table::product_events();
    let key = file.to_string_lossy();
    let source = Source {
        key: &key,
        arrival: datetime!(2026-01-02 12:00 UTC),
        first_day: date!(2026 - 01 - 01),
        delivery: None,
    };
    let converted = convert(&table, source, BufReader::new(File::open(file)?), sink())?;
    anyhow::ensure!(converted.rejected_count == 0, "{key} has damage");
    let mut parts = Vec::new();
    for (number, part) in converted.parts.iter().enumerate() {
        let path = file.with_extension(format!("{number}.parquet"));
        std::fs::write(&path, &part.bytes)?;
        parts.push(path);
    }
    Ok(parts)
}

/// For figures, which are all far below 53 bits.
#[expect(clippy::cast_precision_loss, reason = "a figure is rounded anyway")]
fn float(number: usize) -> f64 {
    number as f64
}
