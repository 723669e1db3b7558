//! `DuckDB`, in a separate Python.

use std::{collections::BTreeMap, ffi::OsStr, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use event_samples::track::Shape;
use lake_schema::Table;
use serde::Deserialize;

use super::{Measurement, corpus::Corpus};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/lake.py");
const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../.local/tools/clients/duckdb/bin/python"
);

/// The content of a file's footer.
#[derive(Debug, Deserialize)]
pub(super) struct Footers {
    pub(super) rows: f64,
    /// Compressed bytes by column.
    pub(super) columns: BTreeMap<String, f64>,
    pub(super) total_bytes: f64,
}

#[derive(Deserialize)]
struct Converted {
    cpu_seconds: f64,
    peak_bytes: f64,
}

/// The columns that the events have, with their types.
const fn columns(shape: Shape) -> &'static str {
    match shape {
        Shape::Article => "{event: 'VARCHAR', userId: 'VARCHAR', dateTime: 'TIMESTAMP'}",
        Shape::Click => {
            "{eventId: 'VARCHAR', event: 'VARCHAR', userId: 'VARCHAR', sessionId: 'VARCHAR', ts: 'TIMESTAMP', \
             url: 'VARCHAR', referrer: 'VARCHAR', ua: 'VARCHAR', geo: 'STRUCT(country VARCHAR, city VARCHAR)', \
             props: 'JSON'}"
        }
    }
}

/// The compactor's sort order, in the events' own names.
pub(super) fn order(table: &Table, shape: Shape) -> String {
    let time = match shape {
        Shape::Article => "dateTime",
        Shape::Click => "ts",
    };
    let columns = table.columns();
    let names: Vec<&str> = table
        .sort()
        .iter()
        .map(|index| columns[*index].name.as_str())
        .collect();
    format!("{}, {time}", names.join(", "))
}

/// Converts all files to one, sorted if an order is given.
pub(super) fn convert(corpus: &Corpus, order: &str) -> Result<Measurement> {
    let out = corpus.folder().join("duckdb.parquet");
    let mut arguments = vec![
        OsStr::new("convert"),
        OsStr::new(order),
        OsStr::new(columns(corpus.shape())),
        out.as_os_str(),
    ];
    arguments.extend(corpus.files().iter().map(|file| file.as_os_str()));
    let converted: Converted = run(&arguments)?;
    Ok(Measurement {
        cpu_seconds: converted.cpu_seconds,
        peak_bytes: converted.peak_bytes,
    })
}

pub(super) fn footers(file: &Path) -> Result<Footers> {
    run(&[OsStr::new("footers"), file.as_os_str()])
}

fn run<T: for<'de> Deserialize<'de>>(arguments: &[&OsStr]) -> Result<T> {
    let output = Command::new(PYTHON)
        .arg(SCRIPT)
        .args(arguments)
        .output()
        .context("starting DuckDB: .ci/test-tools installs it")?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}
