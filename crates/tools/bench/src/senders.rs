//! The cost of reading events of other senders than SparkPost, compared with SparkPost's own.

mod bodies;
mod loading;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use email_senders::{Senders, to_sparkpost};
use event_model::{BatchKey, sparkpost::parse_batch};
use event_samples::sparkpost::{Generator, GeneratorOptions};
use serde_json::json;
use time::{OffsetDateTime, macros::datetime};

use crate::{
    figure::{Better, Figure},
    proc_stat,
};

const SPARKPOST: &str = "sparkpost";
/// Events that are read in one repetition.
const EVENTS: usize = 20_000;
/// SparkPost's batches, and those of senders that send several events in one.
const BATCH_SIZE: usize = 100;
/// Of each sender. Odd, for the median. The senders take turns.
const REPETITIONS: usize = 9;
const NOW: OffsetDateTime = datetime!(2026-11-30 12:00 UTC);

/// What one sender has sent, with the key of each object.
struct Archive {
    sender: &'static str,
    objects: Vec<(String, Vec<u8>)>,
    bytes: usize,
}

pub(crate) async fn measure() -> Result<Vec<Figure>> {
    let mut figures = reading()?;
    figures.extend(loading::measure().await?);
    Ok(figures)
}

/// What translating and parsing costs.
fn reading() -> Result<Vec<Figure>> {
    let mut archives = vec![Archive::of_sparkpost(EVENTS, BATCH_SIZE)?];
    archives.extend(bodies::SENDERS.map(|sender| Archive::of(sender, EVENTS)));
    let mut micros: Vec<Vec<f64>> = archives.iter().map(|_| Vec::new()).collect();
    for repetition in 0..REPETITIONS {
        eprintln!("repetition {} of {REPETITIONS}", repetition + 1);
        for (archive, micros) in archives.iter().zip(&mut micros) {
            micros.push(read(archive)?);
        }
    }
    let medians: Vec<f64> = micros.iter().map(|of_one| median(of_one)).collect();
    let sparkpost = *medians.first().context("SparkPost is measured")?;
    let figures = archives.iter().zip(&medians).zip(&micros);
    Ok(figures
        .flat_map(|((archive, median), all)| {
            let sender = archive.sender;
            let cost = Figure::new(
                format!("senders.cpu_us_per_event.{sender}"),
                *median,
                "µs",
                Better::Lower,
            );
            let detail = json!({ "repetitions": all, "bytes_per_event": archive.bytes / EVENTS });
            let speed = (sender != SPARKPOST).then(|| {
                Figure::new(
                    format!("senders.speed.{sender}"),
                    sparkpost / median,
                    "of SparkPost",
                    Better::Higher,
                )
            });
            [Some(cost.detail(detail)), speed].into_iter().flatten()
        })
        .collect())
}

impl Archive {
    /// Events of SparkPost, `batch_size` in each object.
    fn of_sparkpost(events: usize, batch_size: usize) -> Result<Self> {
        let options = GeneratorOptions {
            start: datetime!(2026-11-20 0:00 UTC),
            span: Duration::from_hours(10 * 24),
            total: u64::try_from(events)?,
        };
        let mut generator = Generator::new(1, options);
        let bodies = (0..events / batch_size).map(|_| generator.batch(batch_size));
        Ok(Self::new(SPARKPOST, bodies.collect(), |id, body| {
            BatchKey::new(Some(id), body)
        }))
    }

    /// Events of another sender, in objects as it makes them.
    fn of(sender: &'static str, events: usize) -> Self {
        let bodies = bodies::of(sender, events, BATCH_SIZE);
        Self::new(sender, bodies, |id, body| {
            BatchKey::of_sender(sender, Some(id), body)
        })
    }

    fn new(
        sender: &'static str,
        bodies: Vec<Vec<u8>>,
        key: impl Fn(&str, &[u8]) -> BatchKey,
    ) -> Self {
        let bytes = bodies.iter().map(Vec::len).sum();
        let objects = bodies.into_iter().enumerate().map(|(number, body)| {
            let key = key(&format!("d{number}"), &body).object_key(NOW.date());
            (key, body)
        });
        Self {
            sender,
            objects: objects.collect(),
            bytes,
        }
    }
}

/// Translates and parses everything, as the loader and the archiver do; the CPU time of one event in microseconds.
fn read(archive: &Archive) -> Result<f64> {
    let senders = Senders::default();
    let before = proc_stat::of_threads(std::process::id())?;
    let mut events = 0;
    for (key, body) in &archive.objects {
        let delivery = senders.delivery(key)?;
        events += parse_batch(&to_sparkpost(delivery.as_ref(), body), NOW)
            .events
            .len();
    }
    let cost = proc_stat::of_threads(std::process::id())?.saturating_sub(before);
    ensure!(
        events == EVENTS,
        "{events} of {EVENTS} events of {} were read",
        archive.sender
    );
    Ok(cost.as_secs_f64() * 1e6 / f64::from(u32::try_from(EVENTS)?))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
