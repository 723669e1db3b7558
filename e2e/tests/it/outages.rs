//! A dependency is unavailable for a while: nothing is acknowledged that is not stored, and nothing stored is lost.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::function::Function;
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id};
use crate::visibility::with_visibility;

/// How long Postgres is unavailable.
const OUTAGE: Duration = Duration::from_mins(1);

/// The visibility timeout of a failed notification.
const VISIBILITY_SECONDS: u32 = 30;

/// A notification that has just failed is delivered again after that time.
const AFTER_OUTAGE: Duration = Duration::from_mins(3);

fn delivery(id: &str) -> Vec<u8> {
    format!(r#"[{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}","timestamp":"1790000000"}}}}}}]"#)
        .into_bytes()
}

/// Postgres is stopped for a minute while batches arrive.
#[tokio::test]
async fn postgres_outage_delays_batches_and_loses_none() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let queue = &stack.file.queues.load;
    let outage = Box::pin(go_without_postgres(&stack));
    with_visibility(&stack, queue, VISIBILITY_SECONDS, outage).await
}

async fn go_without_postgres(stack: &Stack) -> Result<()> {
    let label = fresh_id("outage");
    let postgres_up = async || {
        PgConnection::connect(&stack.file.database_url)
            .await
            .is_ok()
    };

    signal("INT", stack.file.pids.postgres)?;
    let outage = async {
        eventually("Postgres to be down", ARRIVAL, async || {
            Ok((!postgres_up().await).then_some(()))
        })
        .await?;
        let mut sent = Vec::new();
        let mut arrivals = tokio::time::interval(Duration::from_secs(2));
        for n in 0..OUTAGE.as_secs() / arrivals.period().as_secs() {
            arrivals.tick().await;
            let id = format!("{label}-{n}");
            let body = delivery(&id);
            let status = stack.post_batch(&id, body.clone()).await?;
            ensure!(status == 200, "the webhook answered {status} in the outage");
            sent.push((id, body));
        }
        Ok(sent)
    }
    .await;
    // Makes the running stack restart dead processes, as `cistern up` does.
    signal("USR1", stack.file.pids.cistern)?;
    eventually("Postgres to be back", ARRIVAL, async || {
        Ok(postgres_up().await.then_some(()))
    })
    .await?;
    // It accepts connections a moment before its record is written.
    let pid = eventually("stack.json to name the new Postgres", ARRIVAL, async || {
        let pid = Stack::file()?.pids.postgres;
        Ok((pid != stack.file.pids.postgres).then_some(pid))
    })
    .await?;
    signal("0", pid)?;

    // Failures are reported only now, because all other tests need Postgres.
    let sent = outage?;
    for (id, body) in &sent {
        let accounts = stack.accounts_within(id, AFTER_OUTAGE).await?;
        ensure!(accounts.inserted == 1, "{id}: {accounts:?}");
        ensure!(stack.stored_events_of(body).await? == 1);
    }
    let dead = stack.queue_depth(&stack.file.queues.load_dlq).await?;
    ensure!(dead == 0, "{dead} notifications went to the DLQ");
    Ok(())
}

pub(crate) fn signal(name: &str, pid: u32) -> Result<()> {
    let sent = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status()?;
    ensure!(sent.success(), "process {pid} could not be signalled");
    Ok(())
}

/// The bucket does not exist: SparkPost is asked to retry, and nothing is acknowledged.
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
        "503 without Retry-After"
    );
    let after = stack.deliver(&id, delivery(&id)).await?;
    ensure!(after.inserted == 1, "the retry is stored: {after:?}");
    Ok(())
}
