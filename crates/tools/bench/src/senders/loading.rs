//! The cost of loading events of other senders into Postgres, compared with SparkPost's in objects of as many events.

use anyhow::{Result, ensure};
use email_senders::{Senders, to_sparkpost};
use event_model::{BatchKey, sparkpost::parse_batch};
use serde_json::json;

use super::{Archive, BATCH_SIZE, NOW, SPARKPOST, bodies, median};
use crate::{
    database::Database,
    figure::{Better, Figure},
    proc_stat,
};

/// Of each sender and repetition: each object is a transaction.
const OBJECTS: [(usize, usize); 2] = [(1, 2_000), (BATCH_SIZE, 200)];
/// Of each sender. Odd, for the median. The senders take turns.
const REPETITIONS: usize = 5;
/// The speed per event, divided by that of SparkPost's events.
const SPEED_TARGET: f64 = 0.6;

pub(super) async fn measure() -> Result<Vec<Figure>> {
    let database = Database::create("senders").await?;
    database.make_weeks("2026-10-31", "2026-12-02")?;
    let mut figures = Vec::new();
    for (size, objects) in OBJECTS {
        let mut archives = vec![Archive::of_sparkpost(size * objects, size)?];
        let all = bodies::SENDERS.map(|sender| Archive::of(sender, size * objects));
        let is_of_size = |archive: &Archive| archive.objects.len() == objects;
        archives.extend(all.into_iter().filter(is_of_size));
        let mut micros: Vec<Vec<f64>> = archives.iter().map(|_| Vec::new()).collect();
        for repetition in 0..REPETITIONS {
            eprintln!(
                "objects of {size}: repetition {} of {REPETITIONS}",
                repetition + 1
            );
            for (archive, micros) in archives.iter().zip(&mut micros) {
                micros.push(load(&database, archive, size * objects).await?);
            }
        }
        figures.extend(compare(size, &archives, &micros));
    }
    Ok(figures)
}

/// Translates, parses and stores everything, as the loader does; the CPU time of one event in microseconds, with Postgres's part.
async fn load(database: &Database, archive: &Archive, events: usize) -> Result<f64> {
    database.reset()?;
    let postmaster = database.postmaster()?;
    let store = database.store()?;
    let senders = Senders::default();
    let used = || anyhow::Ok(proc_stat::of_this_process()? + proc_stat::of_family(postmaster)?);
    let before = used()?;
    for (key, body) in &archive.objects {
        let delivery = senders.delivery(key)?;
        let text = to_sparkpost(delivery.as_ref(), body);
        let batch = parse_batch(&text, NOW);
        store
            .load_batch(&BatchKey::from_object_key(key)?, &batch)
            .await?;
    }
    let cost = used()?.saturating_sub(before);
    let stored = database.event_count()?;
    ensure!(
        stored == events,
        "{stored} of {events} events of {} were loaded",
        archive.sender
    );
    Ok(cost.as_secs_f64() * 1e6 / f64::from(u32::try_from(events)?))
}

fn compare(size: usize, archives: &[Archive], micros: &[Vec<f64>]) -> Vec<Figure> {
    let medians: Vec<f64> = micros.iter().map(|of_one| median(of_one)).collect();
    let sparkpost = medians.first().copied().unwrap_or(f64::NAN);
    let measured = archives.iter().zip(&medians).zip(micros);
    measured
        .filter(|((archive, _), _)| archive.sender != SPARKPOST)
        .map(|((archive, median), all)| {
            let name = format!("senders.loading_speed.{}", archive.sender);
            let detail = json!({ "events_in_an_object": size, "us_per_event": all, "sparkpost_us_per_event": sparkpost });
            Figure::new(name, sparkpost / median, "of SparkPost", Better::Higher)
                .target(SPEED_TARGET)
                .detail(detail)
        })
        .collect()
}
