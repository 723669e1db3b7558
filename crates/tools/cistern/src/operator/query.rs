//! `cistern query`: SQL over the lake, and what the query costs.

mod copy;
mod duckdb;
mod program;
mod shown;

use std::{
    io::{Read as _, stdin},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use aws_io::athena::{self, AthenaError, QueryRequest};
use lake_schema::queries::{NAMED, NamedQuery};
use serde::Serialize;

use crate::{
    operator::target::{StackTarget, TargetArgs},
    progress::Step,
    table::{Align, lay_out, room},
};

/// Athena itself ends queries after half an hour.
const LIMIT: Duration = Duration::from_mins(30);

/// Options of `cistern query`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// One SQL statement; - reads it from stdin
    #[arg(
        value_name = "SQL",
        required_unless_present_any = ["named", "list"],
        conflicts_with_all = ["named", "list"]
    )]
    sql: Option<String>,

    /// Name of one of the lake's saved queries
    #[arg(long, value_name = "NAME", value_parser = parse_named)]
    named: Option<NamedQuery>,

    /// List the lake's saved queries
    #[arg(long, conflicts_with = "named")]
    list: bool,

    /// Maximum number of rows to print
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_rows: usize,

    /// Minutes for which Athena may return a stored result; 0 runs the query
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    reuse_minutes: u64,

    #[command(flatten)]
    target: TargetArgs,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The result of a query.
#[derive(Debug, Serialize)]
struct Answer {
    engine: Engine,
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
    /// Whether there are more rows.
    is_cut: bool,
    scanned_bytes: u64,
    /// Whether a stored result was returned, which is free.
    is_reused: bool,
    /// What Athena charges for it.
    usd: f64,
    seconds: f64,
}

/// The engine that ran the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Engine {
    /// The deployed stack's.
    Athena,
    /// The local stack's.
    Duckdb,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    if options.list {
        println!("{}", list(options.json)?);
        return Ok(());
    }
    let sql = sql(options)?;
    let target = options.target.find().await?;
    let started = Instant::now();
    let mut answer = match &target.local {
        Some((data_dir, stack)) => duckdb::ask(data_dir, stack, &sql, options.max_rows).await?,
        None => ask_athena(&target, options, &sql).await?,
    };
    answer.seconds = started.elapsed().as_secs_f64();
    if options.json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        println!("{}", shown::text(&answer, room()));
    }
    Ok(())
}

async fn ask_athena(target: &StackTarget, options: &Options, sql: &str) -> Result<Answer> {
    let step = Step::start("Athena").reported();
    let query = QueryRequest {
        workgroup: target.output("AnalyticsWorkgroup")?,
        database: target.output("LakeDatabase")?,
        sql,
        max_age: Some(Duration::from_mins(options.reuse_minutes)).filter(|age| !age.is_zero()),
        max_rows: options.max_rows,
        limit: LIMIT,
    };
    let athena = target.aws.athena();
    let answer = match athena::run_query(&athena, &query).await {
        Err(AthenaError::Failed { reason, .. }) if lost_a_file(&reason) => {
            step.note("asking again, as compaction removed a file meanwhile");
            athena::run_query(&athena, &query).await?
        }
        answer => answer?,
    };
    step.done("answered");
    let usd = if answer.is_reused {
        0.0
    } else {
        cost_model::usage::query_usd(answer.scanned_bytes)
    };
    Ok(Answer {
        engine: Engine::Athena,
        columns: answer.columns,
        rows: answer.rows,
        is_cut: answer.is_cut,
        scanned_bytes: answer.scanned_bytes,
        is_reused: answer.is_reused,
        usd,
        seconds: 0.0,
    })
}

/// Whether a query failed because an object that it had listed was missing, according to S3's message. Athena also opens hidden
/// files; the next query does not list a removed one.
fn lost_a_file(reason: &str) -> bool {
    ["NoSuchKey", "The specified key does not exist"]
        .iter()
        .any(|words| reason.contains(words))
}

/// The statement to run, without a semicolon at its end, which neither engine accepts everywhere.
fn sql(options: &Options) -> Result<String> {
    let text = match (&options.sql, &options.named) {
        (Some(dash), _) if dash == "-" => {
            let mut text = String::new();
            stdin()
                .read_to_string(&mut text)
                .context("reading SQL from stdin")?;
            text
        }
        (Some(sql), _) => sql.clone(),
        (None, Some(named)) => named.sql.to_owned(),
        (None, None) => bail!("no query was given"),
    };
    let statement = text.trim().trim_end_matches(';').trim_end();
    if statement.is_empty() {
        bail!("the query is empty");
    }
    Ok(statement.to_owned())
}

fn parse_named(name: &str) -> Result<NamedQuery, String> {
    NAMED
        .into_iter()
        .find(|query| query.name == name)
        .ok_or_else(|| {
            let names = NAMED.map(|query| query.name).join(", ");
            format!("expected one of {names}")
        })
}

fn list(as_json: bool) -> Result<String> {
    if as_json {
        let queries = NAMED.map(|query| {
            serde_json::json!({"name": query.name, "description": query.description(), "sql": query.sql})
        });
        return Ok(serde_json::to_string_pretty(&queries)?);
    }
    let mut rows = vec![vec!["name".to_owned(), "tells".to_owned()]];
    rows.extend(NAMED.map(|query| vec![query.name.to_owned(), query.description().to_owned()]));
    Ok(lay_out(&rows, |_| Align::Left))
}

/// A size in decimal units, which Athena's billing uses.
pub(crate) fn bytes(size: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let size_as_float = size as f64;
    match size {
        0..1_000 => format!("{size} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", size_as_float / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", size_as_float / 1e6),
        _ => format!("{:.2} GB", size_as_float / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_lost_a_file_is_told_from_others() {
        let lost = "HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split s3://b/lake/product_events/dt=2026-01-01/part-1.parquet: \
                    The specified key does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey)";

        assert!(lost_a_file(lost));
        assert!(!lost_a_file(
            "COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved"
        ));
        assert!(!lost_a_file(
            "HIVE_CANNOT_OPEN_SPLIT: Slow Down (Status Code: 503; Error Code: SlowDown)"
        ));
    }

    #[test]
    fn small_queries_are_billed_the_least_that_athena_bills() {
        assert!((cost_model::usage::query_usd(1) - 0.000_05).abs() < 1e-9);
    }

    #[test]
    fn sizes_are_read_at_a_glance() {
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1_500), "1.5 kB");
        assert_eq!(bytes(17_000_000_000), "17.00 GB");
    }

    #[test]
    fn named_queries_are_known_and_others_are_not() {
        assert_eq!(parse_named("funnel").unwrap().name, "funnel");
        assert!(parse_named("tunnel").unwrap_err().contains("funnel"));
        assert!(list(false).unwrap().contains("retention"));
    }
}
