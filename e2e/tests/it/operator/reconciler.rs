//! The reconciler on the deployed stack: what is taken away by hand comes back, or is told.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    cistern,
    replay::{archived_under, forget},
};
use crate::{
    function::Function,
    logs::log_lines,
    stack::{ARRIVAL, Stack, eventually, fresh_id},
};

/// Runs the reconciler, for which nothing has to wait.
async fn reconcile(stack: &Stack) -> Result<()> {
    let reconciler = Function::named(stack, "reconciler")?;
    let before = reconciler.environment().await?;
    let mut environment = before.clone();
    environment["WAIT_MINUTES"] = json!("0");
    reconciler.set_environment(&environment).await?;
    let ran = reconciler.tick().await;
    reconciler.set_environment(&before).await?;
    ran?.context("the reconciler failed").map(|_| ())
}

/// The newest record.
async fn record(stack: &Stack) -> Result<Value> {
    let keys = stack.keys_under("state/reconciliation/").await?;
    let newest = keys.last().context("a record")?;
    Ok(serde_json::from_slice(&stack.object(newest).await?)?)
}

/// What a record says is missing of one batch in Postgres.
fn findings<'a>(record: &'a Value, batch: &str) -> Vec<&'a str> {
    let all = record["findings"].as_array().into_iter().flatten();
    all.filter(|finding| finding["side"] == "postgres")
        .filter(|finding| {
            finding["object"]
                .as_str()
                .is_some_and(|key| key.contains(batch))
        })
        .filter_map(|finding| finding["what"].as_str())
        .collect()
}

/// The largest difference that the function has counted.
async fn unreconciled(stack: &Stack) -> Result<u64> {
    let group = Function::named(stack, "reconciler")?.log_group().await?;
    let lines = log_lines(stack, &group).await?;
    let counted = lines.iter().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        (line["pipeline"] == "email_events").then(|| line["unreconciled"].as_u64())?
    });
    Ok(counted.max().unwrap_or(0))
}

#[tokio::test]
async fn reconciler_loads_a_lost_batch_again_and_tells_of_a_row_that_does_not_come_back()
-> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let id = fresh_id("reconciled");
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let body = format!(
        r#"[{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}","timestamp":"{now}"}}}}}}]"#
    );
    let batch = stack.deliver(&id, body.into_bytes()).await?.batch_key;

    forget(&stack, &batch, &id).await?;
    reconcile(&stack).await?;
    let lost = record(&stack).await?;
    let loaded = stack.accounts_of(&id).await?;
    sqlx::query("delete from email_events where event->>'event_id' = $1")
        .bind(&id)
        .execute(&stack.db)
        .await?;
    reconcile(&stack).await?;
    let row = record(&stack).await?;
    let difference = |record: &Value| record["unreconciled"]["email_events"].as_u64();
    let told = eventually("the metric", ARRIVAL, async || {
        let count = unreconciled(&stack).await?;
        Ok((Some(count) >= difference(&row)).then_some(()))
    })
    .await;
    // Nothing is left for the audits of other tests. An object is sent again by a replay: the reconciler has done so once.
    forget(&stack, &batch, &id).await?;
    cistern(&["replay", &archived_under(&stack, &id).await?, "--run"]).await?;
    stack.accounts_of(&id).await?;

    ensure!(
        findings(&lost, &batch) == ["object_not_processed"],
        "{lost}"
    );
    ensure!(loaded.sum() == (1, 1, 0), "{loaded:?}");
    ensure!(findings(&row, &batch) == ["row_missing"], "{row}");
    // Other tests may have left differences behind.
    ensure!(difference(&row) > difference(&lost), "{lost}, {row}");
    told
}
