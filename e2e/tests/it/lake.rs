//! The lake, seen from outside: raw objects in, queries through Athena out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use aws_io::s3::listing;
use lake_schema::{Table, queries::with_view};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::aws::call;
use crate::function::Function;
use crate::stack::{ARRIVAL, Stack, eventually};

const DATABASE: &str = "cistern";
/// The stack's name, which is also its workgroup's.
const WORKGROUP: &str = "cistern";
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// Days are compacted as soon as they are over, and each step follows immediately: the emulator reads all files of a
/// query at once, so no query spans two steps.
const AT_ONCE: [(&str, &str); 3] = [
    ("CLOSE_AFTER_HOURS", "0"),
    ("REOPEN_AFTER_HOURS", "0"),
    ("SETTLE_MINUTES", "0"),
];

impl Stack {
    /// Stores a raw object.
    pub(crate) async fn put_raw(&self, key: &str, body: Vec<u8>) -> Result<()> {
        let s3 = self.s3().await;
        let put = s3.put_object().bucket(&self.file.bucket).key(key);
        put.body(body.into()).send().await?;
        Ok(())
    }

    pub(crate) async fn s3(&self) -> aws_io::S3Client {
        aws_io::Aws::local(&self.file.aws_endpoint_url).await.s3()
    }

    pub(crate) async fn keys_under(&self, prefix: &str) -> Result<Vec<String>> {
        let s3 = self.s3().await;
        let listed = listing::list(&s3, &self.file.bucket, prefix, CALL_LIMIT).await?;
        Ok(listed.into_iter().map(|object| object.key).collect())
    }

    /// The keys of objects that were written since a time, which S3 knows to the second.
    pub(crate) async fn keys_since(
        &self,
        prefix: &str,
        since: OffsetDateTime,
    ) -> Result<Vec<String>> {
        let s3 = self.s3().await;
        let since = since - time::Duration::SECOND;
        let listed = listing::list(&s3, &self.file.bucket, prefix, CALL_LIMIT).await?;
        let written = listed
            .into_iter()
            .filter(|object| object.last_modified.is_none_or(|at| at >= since));
        Ok(written.map(|object| object.key).collect())
    }

    pub(crate) async fn object(&self, key: &str) -> Result<Vec<u8>> {
        let s3 = self.s3().await;
        let got = s3
            .get_object()
            .bucket(&self.file.bucket)
            .key(key)
            .send()
            .await?;
        Ok(got.body.collect().await?.to_vec())
    }

    /// Waits until no notification of a raw object is left.
    pub(crate) async fn archived(&self, time_limit: Duration) -> Result<()> {
        eventually("the archive queue to be empty", time_limit, async || {
            let depth = self.queue_depth(&self.file.queues.archive).await?;
            Ok((depth == 0).then_some(()))
        })
        .await?;
        let dead = self.queue_depth(&self.file.queues.archive_dlq).await?;
        ensure!(
            dead == 0,
            "{dead} notifications are in the dead-letter queue"
        );
        Ok(())
    }

    /// Posts product events with the key; the status.
    pub(crate) async fn track(
        &self,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Result<u16> {
        let mut request = self
            .http
            .post(&self.file.track_url)
            .header("x-api-key", &self.file.keys.track)
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(request.send().await?.status().as_u16())
    }

    /// Queries Athena, with the view of product events inlined, because the emulator does not support views.
    pub(crate) async fn athena(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let started = self
            .athena_call(
                "StartQueryExecution",
                &json!({
                    "QueryString": with_view(&Table::product_events(), sql),
                    "QueryExecutionContext": { "Database": DATABASE },
                    "WorkGroup": WORKGROUP,
                }),
            )
            .await?;
        let id = json!({ "QueryExecutionId": started["QueryExecutionId"] });
        eventually("a query to end", ARRIVAL, async || {
            let answer = self.athena_call("GetQueryExecution", &id).await?;
            let status = &answer["QueryExecution"]["Status"];
            match status["State"].as_str() {
                Some("SUCCEEDED") => Ok(Some(Ok(()))),
                Some("FAILED") => Ok(Some(Err(anyhow!("{}", status["StateChangeReason"])))),
                _ => Ok(None),
            }
        })
        .await??;
        let cell = |cell: &Value| cell["VarCharValue"].as_str().map(str::to_owned);
        let mut rows = Vec::new();
        let mut page = id;
        loop {
            let answer = self.athena_call("GetQueryResults", &page).await?;
            let page_rows = answer["ResultSet"]["Rows"]
                .as_array()
                .context("a result has rows")?;
            rows.extend(page_rows.iter().map(|row| {
                let cells = row["Data"].as_array().into_iter().flatten();
                cells.map(cell).collect()
            }));
            match &answer["NextToken"] {
                Value::Null => break,
                token => page["NextToken"] = token.clone(),
            }
        }
        // The names of the columns.
        rows.remove(0);
        Ok(rows)
    }

    async fn athena_call(&self, action: &str, request: &Value) -> Result<Value> {
        call(self, "athena", &format!("AmazonAthena.{action}"), request).await
    }

    /// How often each event id that begins with `label` occurs.
    pub(crate) async fn seen(&self, label: &str) -> Result<BTreeMap<String, u64>> {
        let rows = self
            .athena(&format!(
                "select eventid, count(*) as times from product_events where eventid like '{label}%' group by eventid"
            ))
            .await?;
        rows.into_iter()
            .map(|row| match &row[..] {
                [Some(id), Some(times)] => Ok((id.clone(), times.parse()?)),
                other => bail!("not an id and a number: {other:?}"),
            })
            .collect()
    }

    /// Waits until the lake has as many different events that begin with `label` as there are `ids`.
    pub(crate) async fn all_arrived(&self, label: &str, ids: &BTreeSet<String>) -> Result<()> {
        eventually("the events to be in the lake", ARRIVAL, async || {
            Ok((self.seen(label).await?.len() >= ids.len()).then_some(()))
        })
        .await
    }

    /// Compacts all finished days; `between` runs after each step.
    pub(crate) async fn close_days(&self, between: impl AsyncFn() -> Result<()>) -> Result<()> {
        let compactor = Function::named(self, "compactor")?;
        let environment = compactor.environment().await?;
        let mut hurried = environment.clone();
        for (name, value) in AT_ONCE {
            hurried[name] = json!(value);
        }
        compactor.set_environment(&hurried).await?;
        let closed = async {
            // Planned, written, shown; and the same again for months.
            for _ in 0..6 {
                compactor.invoke(&json!({})).await?;
                between().await?;
            }
            Ok(())
        };
        let outcome = closed.await;
        compactor.set_environment(&environment).await?;
        outcome
    }
}

/// Every one of `ids` occurs exactly once, and no other.
pub(crate) fn ensure_each_once(seen: &BTreeMap<String, u64>, ids: &BTreeSet<String>) -> Result<()> {
    let missing = ids.iter().filter(|id| !seen.contains_key(*id)).count();
    let unknown = seen.keys().filter(|id| !ids.contains(*id)).count();
    let repeated = seen.values().filter(|times| **times != 1).count();
    ensure!(
        (missing, unknown, repeated) == (0, 0, 0),
        "of {} events {missing} are missing and {repeated} are there twice; {unknown} are unknown",
        ids.len()
    );
    Ok(())
}
