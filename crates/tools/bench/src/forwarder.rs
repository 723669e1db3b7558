//! The cost of forwarding: mapping batches, and draining a queue.

mod drain;

use std::{hint::black_box, time::Duration};

use anyhow::Result;
use event_mapping::{Arrival, Mapper, MappingConfig};
use event_samples::{mparticle::Generator, sparkpost::GeneratorOptions};
use serde_json::{Value, json};
use time::macros::datetime;

pub(crate) use self::drain::run as run_drain;
use crate::{
    figure::{Better, Figure},
    proc_stat,
};

const MAPPING_EVENTS: usize = 50_000;
/// The CPU time of mapping a batch, as a multiple of that of reading it into a `serde_json::Value`.
const MAPPING_TARGET: f64 = 2.2;
/// Number of repetitions. Odd, for the median.
const TURNS: usize = 9;
/// Events per batch: single events, and batches.
const BATCH_SIZES: [usize; 2] = [1, 10];
const MAPPINGS: [(&str, &str); 2] = [("gap", "{}"), ("everything", r#"{"scope":"everything"}"#)];

pub(crate) async fn measure() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for size in BATCH_SIZES {
        let bodies = bodies(MAPPING_EVENTS, size);
        for (name, mapping) in MAPPINGS {
            figures.extend(mapping_cost(&format!("{name}.{size}"), mapping, &bodies)?);
        }
    }
    figures.extend(drain::measure().await?);
    Ok(figures)
}

/// Batches of `size` events, with `events` in total.
fn bodies(events: usize, size: usize) -> Vec<String> {
    let options = GeneratorOptions {
        start: datetime!(2026-06-01 0:00 UTC),
        span: Duration::from_hours(1),
        total: events as u64,
    };
    let mut generator = Generator::new(1, options);
    (0..events / size)
        .map(|_| String::from_utf8(generator.batch(size)).expect("JSON is text"))
        .collect()
}

/// What mapping costs: absolutely, and compared with reading the same bodies, which depends less on the machine.
fn mapping_cost(name: &str, mapping: &str, bodies: &[String]) -> Result<[Figure; 2]> {
    let mapper = Mapper::new(MappingConfig::from_json(mapping)?)?;
    let arrival = Arrival {
        sent_at_ms: 1_780_275_600_000,
        now_ms: 1_780_275_600_000,
        max_age_ms: None,
    };
    let mut rates = Vec::new();
    let mut ratios = Vec::new();
    #[expect(clippy::cast_precision_loss, reason = "a rate is not exact")]
    let megabytes = bodies.iter().map(String::len).sum::<usize>() as f64 / 1e6;
    for _ in 0..TURNS {
        let mapping = cpu_seconds(bodies, |body| {
            black_box(mapper.map(body, &arrival));
        })?;
        let reading = cpu_seconds(bodies, |body| {
            black_box(serde_json::from_str::<Value>(body).ok());
        })?;
        rates.push(megabytes / mapping);
        ratios.push(mapping / reading);
    }
    rates.sort_unstable_by(f64::total_cmp);
    ratios.sort_unstable_by(f64::total_cmp);
    let rate = Figure::new(
        format!("forwarder.mapping.{name}"),
        rates[TURNS / 2],
        "MB/s per core",
        Better::Higher,
    );
    let ratio = Figure::new(
        format!("forwarder.mapping.{name}.over_reading"),
        ratios[TURNS / 2],
        "times",
        Better::Lower,
    );
    Ok([
        rate.detail(json!({ "megabytes": megabytes, "rates": rates })),
        ratio
            .target(MAPPING_TARGET)
            .detail(json!({ "ratios": ratios })),
    ])
}

/// The CPU time of doing `each` with every body.
fn cpu_seconds(bodies: &[String], each: impl Fn(&str)) -> Result<f64> {
    let before = proc_stat::of_this_process()?;
    for body in bodies {
        each(body);
    }
    let taken = proc_stat::of_this_process()?.saturating_sub(before);
    Ok(taken.as_secs_f64())
}
