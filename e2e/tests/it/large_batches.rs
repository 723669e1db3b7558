//! The largest batch that the gateway accepts, and the loader's memory for it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use event_samples::sparkpost::{Generator, GeneratorOptions};
use time::OffsetDateTime;

use crate::stack::{Stack, fresh_id};

/// The loader's memory in the template.
const LOADER_MEMORY_BYTES: u64 = 256 * 1024 * 1024;

#[tokio::test]
async fn ten_thousand_events_load_within_the_functions_memory() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let span = Duration::from_hours(7 * 24);
    let options = GeneratorOptions {
        start: OffsetDateTime::now_utc() - span,
        span,
        total: 10_000,
    };
    let body = Generator::new(seed(), options).batch(10_000);
    let size_bytes = body.len();
    let id = fresh_id("large");

    let accounts = stack.deliver_gzip(&id, &body).await?;

    ensure!(accounts.received == 10_000, "{accounts:?}");
    let peak_bytes = peak_rss_bytes(&stack, "loader")?;
    println!(
        "10,000 events, {size_bytes} bytes of JSON: loader peak RSS {} MiB of {} MiB",
        mebibytes(peak_bytes),
        mebibytes(LOADER_MEMORY_BYTES),
    );
    ensure!(peak_bytes < LOADER_MEMORY_BYTES);
    Ok(())
}

/// Another batch in each run, so that a stack that is kept has not loaded it yet.
fn seed() -> u64 {
    OffsetDateTime::now_utc().unix_timestamp().unsigned_abs()
}

/// The peak memory of the largest process of a function, from the kernel.
fn peak_rss_bytes(stack: &Stack, crate_name: &str) -> Result<u64> {
    let function = stack
        .file
        .functions
        .get(crate_name)
        .context("stack.json names the function")?;
    let marker = format!("AWS_LAMBDA_FUNCTION_NAME={function}");
    let mut peak = None;
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Ok(environment) = std::fs::read(entry.path().join("environ")) else {
            continue;
        };
        let runs_it = environment
            .split(|byte| *byte == 0)
            .any(|line| line == marker.as_bytes());
        let Ok(status) = std::fs::read_to_string(entry.path().join("status")) else {
            continue;
        };
        if let Some(bytes) = runs_it.then(|| high_water_mark_bytes(&status)).flatten() {
            peak = peak.max(Some(bytes));
        }
    }
    peak.with_context(|| format!("no process runs {function}"))
}

fn high_water_mark_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1024 * 1024)
}
