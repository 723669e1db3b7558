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

use crate::output::line;
use crate::{
    operator::target::{StackTarget, TargetArgs},
    progress::Step,
    stack::{Stack, data_dir::DataDir},
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

    /// Value of a parameter of the saved query, such as days=7; --list names the parameters
    #[arg(long = "set", value_name = "NAME=VALUE", requires = "named", value_parser = parse_setting)]
    settings: Vec<(String, String)>,

    /// List the lake's saved queries
    #[arg(long, conflicts_with = "named")]
    list: bool,

    /// Maximum number of rows to print
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_rows: usize,

    /// Minutes for which Athena may return a stored result; 0 runs the query
    #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=10_080))]
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
        line!("{}", list(options.json)?)?;
        return Ok(());
    }
    let sql = sql(options)?;
    let target = options.target.find().await?;
    let started = Instant::now();
    let mut answer = match &target.local {
        Some((data_dir, stack)) => {
            let reach = duckdb::Reach::Everything;
            duckdb::ask(data_dir, stack, &sql, options.max_rows, reach).await?
        }
        None => ask_athena(&target, options, &sql).await?,
    };
    answer.seconds = started.elapsed().as_secs_f64();
    if options.json {
        line!("{}", serde_json::to_string_pretty(&answer)?)?;
    } else {
        line!("{}", shown::text(&answer, room()))?;
    }
    Ok(())
}

/// The rows of a query of the local stack's lake, up to `max_rows`.
pub(crate) async fn local_rows(
    data_dir: &DataDir,
    stack: &Stack,
    sql: &str,
    max_rows: usize,
) -> Result<Vec<Vec<Option<String>>>> {
    let reach = duckdb::Reach::Everything;
    Ok(duckdb::ask(data_dir, stack, sql, max_rows, reach)
        .await?
        .rows)
}

/// What a statement from a page finds in the local stack's lake.
#[derive(Debug)]
pub(crate) struct LakeRows {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
    pub(crate) scanned_bytes: u64,
}

/// Answers a statement of somebody who has a key of the stack and no rights on this machine: one `select`, which reads nothing but
/// the lake.
pub(crate) async fn confined_rows(
    data_dir: &DataDir,
    stack: &Stack,
    sql: &str,
    max_rows: usize,
) -> Result<LakeRows> {
    let reach = duckdb::Reach::LakeAlone;
    let answer = duckdb::ask(data_dir, stack, sql, max_rows, reach).await?;
    Ok(LakeRows {
        columns: answer.columns,
        rows: answer.rows,
        scanned_bytes: answer.scanned_bytes,
    })
}

async fn ask_athena(target: &StackTarget, options: &Options, sql: &str) -> Result<Answer> {
    let step = Step::start("Athena").reported();
    let query = QueryRequest {
        workgroup: target.output("AnalyticsWorkgroup")?,
        database: target.output("LakeDatabase")?,
        sql,
        max_age: Some(Duration::from_mins(options.reuse_minutes)).filter(|age| !age.is_zero()),
    };
    let athena = target.aws.athena();
    let run = async || athena::run_query(&athena, &query, options.max_rows, LIMIT).await;
    let answer = match run().await {
        Err(AthenaError::Failed { reason, .. }) if athena::lost_a_file(&reason) => {
            step.note("asking again, as compaction removed a file meanwhile");
            run().await?
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

/// The statement to run, without a semicolon at its end, which neither engine accepts everywhere.
fn sql(options: &Options) -> Result<String> {
    let text = match (&options.sql, &options.named) {
        (Some(sql), _) => given_sql(sql)?,
        (None, Some(named)) => named.with(&options.settings)?,
        (None, None) => bail!("no query was given"),
    };
    let statement = text.trim().trim_end_matches(';').trim_end();
    if statement.is_empty() {
        bail!("the query is empty");
    }
    Ok(statement.to_owned())
}

/// The SQL of an argument, or of stdin for `-`.
pub(super) fn given_sql(argument: &str) -> Result<String> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut text = String::new();
    stdin()
        .read_to_string(&mut text)
        .context("reading SQL from stdin")?;
    Ok(text)
}

fn parse_named(name: &str) -> Result<NamedQuery, String> {
    NamedQuery::find(name).ok_or_else(|| {
        let names = NAMED.map(|query| query.name).join(", ");
        format!("expected one of {names}")
    })
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    let setting = text.split_once('=').filter(|(name, _)| !name.is_empty());
    setting
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "expected a name and a value, such as days=7".to_owned())
}

/// The parameters of a query with their defaults, such as `days=7`.
fn settings(query: &NamedQuery) -> String {
    let settings = query
        .parameters
        .iter()
        .map(|parameter| format!("{}={}", parameter.name, parameter.default));
    settings.collect::<Vec<_>>().join(" ")
}

fn list(as_json: bool) -> Result<String> {
    if as_json {
        let queries = NAMED.map(|query| {
            let parameters = query.parameters.iter().map(|parameter| {
                serde_json::json!({"name": parameter.name, "default": parameter.default, "expected": parameter.kind.expected()})
            });
            serde_json::json!({
                "name": query.name, "description": query.description(), "sql": query.sql,
                "parameters": parameters.collect::<Vec<_>>(),
            })
        });
        return Ok(serde_json::to_string_pretty(&queries)?);
    }
    let mut rows = vec![["name", "tells", "--set"].map(str::to_owned).to_vec()];
    rows.extend(NAMED.map(|query| {
        vec![
            query.name.to_owned(),
            query.description().to_owned(),
            settings(&query),
        ]
    }));
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
        assert!(
            list(false)
                .unwrap()
                .contains("first=page_view second=add_to_cart")
        );
        let listed: serde_json::Value = serde_json::from_str(&list(true).unwrap()).unwrap();
        let named = listed.as_array().unwrap();
        let top = named
            .iter()
            .find(|query| query["name"] == "top_events")
            .unwrap();
        assert_eq!(top["parameters"][0]["default"], "7");
    }

    #[test]
    fn settings_are_a_name_and_a_value() {
        let setting = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));

        assert_eq!(parse_setting("days=7"), setting("days", "7"));
        assert_eq!(parse_setting("first=a=b"), setting("first", "a=b"));
        assert!(parse_setting("days").unwrap_err().contains("days=7"));
        assert!(parse_setting("=7").is_err());
    }
}
