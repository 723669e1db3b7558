//! Memory of a load, and disk space of events.

use anyhow::{Context, Result};
use event_model::{BatchKey, sparkpost::parse_batch};
use serde_json::json;

use super::{BATCH_SIZES, SPAN, START, count, generator};
use crate::{
    database::Database,
    figure::{Better, Figure},
    proc_stat,
};

/// The default disk of a database.
const DISK_BYTES: f64 = 20e9;

/// The memory for loading the largest batch, in addition to its body.
pub(super) async fn memory(database: &Database) -> Result<Figure> {
    let size = BATCH_SIZES
        .into_iter()
        .max()
        .context("no batch size is given")?;
    let body = generator().batch(size);
    let key = BatchKey::new(None, &body);
    database.reset()?;
    let store = database.store()?;
    let before = proc_stat::reset_peak_memory()?;

    store
        .load_batch(&key, &parse_batch(&body, START + SPAN))
        .await?;

    let extra = proc_stat::peak_memory()?.saturating_sub(before);
    let figure = Figure::new(
        format!("loader.memory_beside_body.{size}"),
        count(extra) / 1e6,
        "MB",
        Better::Lower,
    );
    Ok(figure.detail(json!({ "body_mb": count(body.len()) / 1e6 })))
}

/// The disk space per event, loaded in batches in their order of arrival.
pub(super) fn storage(database: &Database) -> Result<Vec<Figure>> {
    let events = count(database.event_count()?);
    let sizes = database.sizes()?;
    let per_event = sizes.iter().map(|size| size.bytes).sum::<f64>() / events;
    let mut figures: Vec<_> = sizes
        .iter()
        .map(|size| {
            let id = format!("loader.bytes_per_event.{}", size.name);
            Figure::new(id, size.bytes / events, "bytes", Better::Lower)
        })
        .collect();
    figures.push(Figure::new(
        "loader.bytes_per_event".to_owned(),
        per_event,
        "bytes",
        Better::Lower,
    ));
    figures.push(Figure::new(
        "loader.events_in_20_gb".to_owned(),
        DISK_BYTES / per_event,
        "events",
        Better::Higher,
    ));
    Ok(figures)
}
