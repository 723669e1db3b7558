//! The cost of `cistern query` on a local stack whose lake has many small files.

use std::{
    env, fs,
    io::sink,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use aws_io::{
    Aws,
    s3::{self, NewObject, ObjectRef},
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use lake_files::{Source, convert};
use lake_schema::{
    FileId, Table,
    layout::{FileKind, LakeFile, listed_days},
};
use serde_json::{Value, json};
use time::{Date, OffsetDateTime};

use crate::{
    figure::{Better, Figure},
    proc_stat,
};

/// As many as a local stack writes in a morning of single events.
const FILES: usize = 5_000;
const UPLOADS: usize = 8;
const UPLOAD_LIMIT: Duration = Duration::from_secs(30);
/// CPU time of a query that reads no file: starting the program and `DuckDB`, whatever the lake holds.
const NO_FILE_TARGET: f64 = 1.0;
/// CPU time of the second count, divided by that of the first, which copies all files.
const AGAIN_TARGET: f64 = 0.2;
const COUNT: &str = "select count(*) as n from product_events";

/// The cost of one query.
struct Cost {
    cpu_seconds: f64,
    seconds: f64,
    answer: Value,
}

pub(crate) async fn measure() -> Result<Vec<Figure>> {
    let stack_path = PathBuf::from(env::var("CISTERN_STACK_JSON").context(
        "CISTERN_STACK_JSON must name the description of a local stack; `cistern exec` sets it",
    )?);
    let stack: Value = serde_json::from_slice(&fs::read(&stack_path)?)?;
    let text = |name: &str| {
        stack[name]
            .as_str()
            .with_context(|| format!("{name} in the description"))
    };
    let s3 = Aws::local(text("aws_endpoint_url")?).await.s3();
    let data_dir = stack_path.parent().context("the data directory")?;

    eprintln!("storing {FILES} files");
    let today = listed_days(OffsetDateTime::now_utc())
        .next()
        .context("a listed day")?;
    let body = one_event(today)?;
    stream::iter(0..FILES)
        .map(|number| {
            let object = small_file(text("bucket").unwrap_or_default(), number, today, &body);
            let s3 = s3.clone();
            async move { s3::put_new(&s3, &object, UPLOAD_LIMIT).await }
        })
        .buffer_unordered(UPLOADS)
        .try_collect::<Vec<_>>()
        .await?;

    let nothing = ask(data_dir, "select 1 as n")?;
    let first = ask(data_dir, COUNT)?;
    let again = ask(data_dir, COUNT)?;
    let expected = FILES.to_string();
    for cost in [&first, &again] {
        ensure!(
            cost.answer["rows"][0][0] == expected.as_str(),
            "not {FILES} events: {}",
            cost.answer
        );
    }
    Ok(figures(&nothing, &first, &again))
}

fn figures(nothing: &Cost, first: &Cost, again: &Cost) -> Vec<Figure> {
    let figure = |name: &str, value, unit| {
        Figure::new(format!("local_query.{name}"), value, unit, Better::Lower)
    };
    let detail = |cost: &Cost| json!({ "files": FILES, "seconds": cost.seconds });
    vec![
        figure("no_file", nothing.cpu_seconds, "CPU-s")
            .target(NO_FILE_TARGET)
            .detail(detail(nothing)),
        figure("first_count", first.cpu_seconds, "CPU-s").detail(detail(first)),
        figure(
            "again_ratio",
            again.cpu_seconds / first.cpu_seconds,
            "of the first",
        )
        .target(AGAIN_TARGET)
        .detail(detail(again)),
    ]
}

/// The Parquet file of a part with one event.
fn one_event(day: Date) -> Result<Bytes> {
    let table = Table::product_events();
    let line =
        format!("{{\"event\":\"viewed\",\"user_id\":\"u-1\",\"timestamp\":\"{day}T10:00:00Z\"}}\n");
    let source = Source {
        key: "bench",
        arrival: day.midnight().assume_utc(),
        first_day: day,
        delivery: None,
    };
    let converted = convert(&table, source, line.as_bytes(), sink())?;
    let part = converted.parts.first().context("a part")?;
    Ok(Bytes::from(part.bytes.clone()))
}

fn small_file(bucket: &str, number: usize, day: Date, body: &Bytes) -> NewObject {
    let table = "product_events";
    let file = LakeFile {
        day,
        kind: FileKind::Part { at: day },
        id: FileId::of_part(table, day, &number.to_string()),
    };
    NewObject {
        name: ObjectRef {
            bucket: bucket.to_owned(),
            key: file.key(table),
        },
        body: body.clone(),
        content_type: "application/vnd.apache.parquet",
        metadata: Vec::new(),
    }
}

/// Runs `cistern query` as `make up` builds it.
fn ask(data_dir: &Path, sql: &str) -> Result<Cost> {
    eprintln!("{sql}");
    let program = env::var_os("CISTERN").unwrap_or_else(|| "target/debug/cistern".into());
    let before = proc_stat::of_ended_children()?;
    let started = Instant::now();
    let output = Command::new(program)
        .args(["query", sql, "--json", "--data-dir"])
        .arg(data_dir)
        .output()
        .context("running cistern")?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu = proc_stat::of_ended_children()?.saturating_sub(before);
    ensure!(
        output.status.success(),
        "cistern query failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Cost {
        cpu_seconds: cpu.as_secs_f64(),
        seconds,
        answer: serde_json::from_slice(&output.stdout)?,
    })
}
