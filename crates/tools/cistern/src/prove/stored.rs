//! What the stores have at the end, read without the code that wrote it.

mod remains;

use std::{collections::BTreeMap, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use aws_io::{S3Client, s3::listing};
use event_model::Pipeline;
use lake_schema::Table;
use serde::Deserialize;
use tokio::process::Command;

use super::compare::Found;
use crate::{
    http,
    operator::query,
    stack::{Stack, checkout::Checkout, data_dir::DataDir, tools},
};

const LIMIT: Duration = Duration::from_mins(2);
/// Events that the stand-in for Iterable returns at once.
const PAGE: usize = 20_000;
/// More than there are ids in any run.
const MAX_ROWS: usize = 100_000_000;

/// The stores of a stack.
#[derive(Debug)]
pub(super) struct Stores<'a> {
    pub(super) data_dir: &'a DataDir,
    pub(super) stack: &'a Stack,
    pub(super) s3: S3Client,
}

impl Stores<'_> {
    /// The rows of `email_events` in Postgres. A row of another sender than SparkPost has the id of its provider and its recipient, so a
    /// wrong provider is another id.
    pub(super) async fn postgres(&self) -> Result<Found> {
        self.psql(
            "select coalesce(event->>'provider' || '-' || split_part(event->>'rcpt_to', '@', 1), event->>'event_id', 'none'), count(*)
             from email_events group by 1",
        )
        .await
    }

    /// The rejected items in Postgres, by the ids in their texts.
    pub(super) async fn postgres_rejections(&self) -> Result<Found> {
        self.psql(
            r#"select coalesce(substring(convert_from(raw, 'UTF8') from '"event_id":"([^"]*)"'), 'none'), count(*)
               from email_events_rejected group by 1"#,
        )
        .await
    }

    /// How many items were rejected, by reason.
    pub(super) async fn reasons(&self) -> Result<BTreeMap<String, u64>> {
        let in_postgres = self
            .psql("select reason, count(*) from email_events_rejected group by 1")
            .await?;
        let mut reasons: BTreeMap<String, u64> = in_postgres
            .into_iter()
            .map(|(reason, count)| (format!("Postgres: {reason}"), count))
            .collect();
        let listed = listing::list(&self.s3, &self.stack.bucket, "rejected/", LIMIT).await?;
        for object in listed
            .iter()
            .filter(|object| object.key.ends_with(".ndjson"))
        {
            let got = self
                .s3
                .get_object()
                .bucket(&self.stack.bucket)
                .key(&object.key);
            let got = got
                .send()
                .await
                .with_context(|| format!("reading {}", object.key))?;
            let bytes = got
                .body
                .collect()
                .await
                .with_context(|| format!("reading {}", object.key))?;
            let pipeline = object.key.split('/').nth(1).unwrap_or("unknown");
            let bytes = bytes.into_bytes();
            let text = String::from_utf8_lossy(&bytes);
            for line in text.lines() {
                let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
                let reason = line["reason"].as_str().unwrap_or("without a reason");
                *reasons
                    .entry(format!("rejected/{pipeline}: {reason}"))
                    .or_default() += 1;
            }
        }
        Ok(reasons)
    }

    /// The rows of a table of the lake: of days, as a query through the view sees them.
    pub(super) async fn lake(&self, pipeline: Pipeline) -> Result<Found> {
        self.duckdb(Table::of(pipeline).name(), pipeline).await
    }

    /// The rows of the copies of finished months.
    pub(super) async fn months(&self, pipeline: Pipeline) -> Result<Found> {
        self.duckdb(Table::of(pipeline).monthly_copies().name(), pipeline)
            .await
    }

    /// The app events that the destination has accepted, each id once. What it accepted of the person before the erasure is its own.
    pub(super) async fn destination(&self) -> Result<Found> {
        #[derive(Deserialize)]
        struct Arrival {
            id: String,
        }
        let client = http::client(LIMIT)?;
        let mut found = Found::new();
        loop {
            let after = found.len();
            let url = format!(
                "{}/_received/events?after={after}&limit={PAGE}",
                self.stack.iterable_url
            );
            let page = client
                .get(url)
                .send()
                .await
                .context("asking the destination")?;
            let page: Vec<Arrival> = page
                .json()
                .await
                .context("reading the destination's answer")?;
            if page.is_empty() {
                return Ok(found);
            }
            found.extend(page.into_iter().map(|arrival| (arrival.id, 1)));
            ensure!(found.len() > after, "the destination repeats an id");
        }
    }

    async fn duckdb(&self, table: &str, pipeline: Pipeline) -> Result<Found> {
        let id = match pipeline {
            // As in Postgres.
            Pipeline::EmailEvents => {
                "coalesce(provider || '-' || split_part(rcpt_to, '@', 1), event_id)"
            }
            Pipeline::AppEvents => "event_key",
            Pipeline::ProductEvents => "eventid",
        };
        let sql = format!(
            "select coalesce({id}, 'none') as id, count(*) as times from {table} group by 1"
        );
        let rows = query::local_rows(self.data_dir, self.stack, &sql, MAX_ROWS).await?;
        rows.into_iter()
            .map(|row| match &row[..] {
                [Some(id), Some(times)] => Ok((id.clone(), times.parse()?)),
                other => bail!("not an id and a number: {other:?}"),
            })
            .collect()
    }

    async fn psql(&self, sql: &str) -> Result<Found> {
        let output = Command::new(psql()?)
            .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"])
            .args(["--tuples-only", "--no-align", "--field-separator", "\t"])
            .args([
                "--dbname",
                self.stack.database_url.expose(),
                "--command",
                sql,
            ])
            .stdin(Stdio::null())
            .output()
            .await
            .context("starting psql")?;
        ensure!(
            output.status.success(),
            "psql: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        let text = String::from_utf8(output.stdout).context("reading the output of psql")?;
        text.lines()
            .map(|line| {
                let (id, times) = line.rsplit_once('\t').context("psql prints two columns")?;
                Ok((id.to_owned(), times.parse()?))
            })
            .collect()
    }
}

/// The bundled program.
fn psql() -> Result<PathBuf> {
    let checkout = Checkout::around_working_directory()?;
    let bin = tools::installed_postgres_bin(&checkout).context("Postgres is not installed")?;
    Ok(bin.join("psql"))
}
