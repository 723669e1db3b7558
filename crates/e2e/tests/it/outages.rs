//! A dependency goes away for a while: nothing is acknowledged that is not stored, and nothing
//! stored is lost.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use event_model::BatchKey;
use serde_json::{Value, json};

use crate::stack::{ARRIVAL, Stack, eventually, fresh_id, repository_root};

/// A notice that failed comes back when `LoadQueue`'s visibility timeout of 180 s is over.
const AFTER_OUTAGE: Duration = Duration::from_mins(5);

fn delivery(id: &str) -> Vec<u8> {
    format!(r#"[{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}","timestamp":"1790000000"}}}}}}]"#)
        .into_bytes()
}

/// Postgres is stopped for a minute while batches arrive.
#[tokio::test]
async fn postgres_outage_delays_batches_and_loses_none() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let label = fresh_id("outage");
    let mut outage = Command::new(repository_root().join("target/debug/cistern"))
        .args(["outage", "postgres", "--for", "60s", "--json"])
        .spawn()
        .context("starting `cistern outage`")?;
    eventually("Postgres to be down", ARRIVAL, || async {
        let probe = sqlx::PgPool::connect(&stack.file.database_url).await;
        Ok(probe.is_err().then_some(()))
    })
    .await?;

    let mut keys = Vec::new();
    let mut refusals = Vec::new();
    while outage.try_wait()?.is_none() {
        let id = format!("{label}-{}", keys.len());
        let body = delivery(&id);
        let status = stack.post_batch(&id, body.clone()).await?;
        if status != 200 {
            refusals.push(status);
        }
        keys.push((BatchKey::new(Some(&id), &body), body));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    ensure!(outage.wait()?.success(), "`cistern outage` failed");
    ensure!(refusals.is_empty(), "answers other than 200: {refusals:?}");
    ensure!(
        keys.len() >= 10,
        "only {} batches arrived in the outage",
        keys.len()
    );
    for (key, body) in &keys {
        let accounts = stack.accounts_within(key, AFTER_OUTAGE).await?;
        ensure!(accounts.inserted == 1, "{key}: {accounts:?}");
        ensure!(stack.stored_events_of(body).await? == 1);
    }
    let dead = stack.queue_depth(&stack.file.queues.load_dlq).await?;
    ensure!(dead == 0, "{dead} notices went to the DLQ");
    Ok(())
}

/// The bucket is not there: SparkPost is asked to come again, and nothing is acknowledged.
#[tokio::test]
async fn s3_failure_answers_503_with_retry_after() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let ingest = Function::named(&stack, "ingest")?;
    let environment = ingest.environment().await?;

    let mut broken = environment.clone();
    broken["EVENTS_BUCKET"] = json!("a-bucket-that-is-not-there");
    ingest.set_environment(&broken).await?;
    let id = fresh_id("no-bucket");
    let answer = stack
        .http
        .post(&stack.file.sparkpost_webhook_url)
        .header("authorization", &stack.file.keys.sparkpost)
        .body(delivery(&id))
        .send()
        .await;
    ingest.set_environment(&environment).await?;

    let answer = answer?;
    ensure!(
        answer.status() == 503,
        "the webhook answered {}",
        answer.status()
    );
    ensure!(
        answer.headers().contains_key("retry-after"),
        "503 says when to come again"
    );
    let after = stack.deliver(&id, delivery(&id)).await?;
    ensure!(after.inserted == 1, "the retry is stored: {after:?}");
    Ok(())
}

/// A deployed function, through the Lambda API of the emulator.
struct Function<'a> {
    stack: &'a Stack,
    url: String,
}

impl<'a> Function<'a> {
    fn named(stack: &'a Stack, crate_name: &str) -> Result<Self> {
        let name = stack
            .file
            .functions
            .get(crate_name)
            .context("stack.json names the function")?;
        let url = format!(
            "{}/2015-03-31/functions/{name}/configuration",
            stack.file.aws_endpoint_url
        );
        Ok(Self { stack, url })
    }

    async fn environment(&self) -> Result<Value> {
        let answer = self
            .stack
            .http
            .get(&self.url)
            .header("authorization", self.scope())
            .send()
            .await?;
        let configuration: Value = serde_json::from_slice(&answer.bytes().await?)?;
        Ok(configuration["Environment"]["Variables"].clone())
    }

    async fn set_environment(&self, variables: &Value) -> Result<()> {
        let body = json!({"Environment": {"Variables": variables}}).to_string();
        let answer = self
            .stack
            .http
            .put(&self.url)
            .header("authorization", self.scope())
            .body(body)
            .send()
            .await?;
        ensure!(
            answer.status().is_success(),
            "updating {}: {}",
            self.url,
            answer.status()
        );
        Ok(())
    }

    /// The emulator checks no signature, but routes a request by the scope that signs it.
    fn scope(&self) -> String {
        let region = &self.stack.file.region;
        format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/{region}/lambda/aws4_request, SignedHeaders=host, Signature=0"
        )
    }
}
