//! `cistern replay`.

use anyhow::{Context as _, Result, ensure};
use aws_io::{Aws, s3::listing};
use time::OffsetDateTime;

use super::cistern;
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id};

/// Rows that Postgres has lost are restored from the archive; a dry run changes nothing.
#[tokio::test]
async fn lost_batch_is_loaded_again_from_the_archive() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("replay");
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let body = format!(
        r#"[{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}","timestamp":"{now}"}}}}}}]"#
    );
    let accounts = stack.deliver(&id, body.clone().into_bytes()).await?;
    let prefix = archived_under(&stack, &id).await?;
    forget(&stack, &accounts.batch_key, &id).await?;

    let dry = cistern(&["replay", &prefix]).await?;

    ensure!(
        dry["objects"] == 1 && dry["dry_run"] == true && dry["sent"] == 0,
        "{dry}"
    );
    ensure!(stack.stored_events_of(body.as_bytes()).await? == 0);

    let sent = cistern(&["replay", &prefix, "--run"]).await?;

    ensure!(
        sent["sent"] == 1 && sent["done"] == 1 && sent["events"]["stored"] == 1,
        "{sent}"
    );
    let loaded = stack.accounts_of(&id).await?;
    ensure!(loaded.sum() == (1, 1, 0), "{loaded:?}");
    Ok(())
}

#[tokio::test]
async fn objects_of_another_time_stay_where_they_are() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("replay-time");
    stack.deliver(&id, b"[]".to_vec()).await?;
    let prefix = archived_under(&stack, &id).await?;

    let past = cistern(&["replay", &prefix, "--to", "2020-01-01"]).await?;
    let present = cistern(&["replay", &prefix, "--from", "2020-01-01"]).await?;

    ensure!(past["objects"] == 0, "{past}");
    ensure!(present["objects"] == 1, "{present}");
    Ok(())
}

/// The beginning of the batch's key, which no other batch shares.
pub(super) async fn archived_under(stack: &Stack, id: &str) -> Result<String> {
    let key = archived(stack, id).await?;
    let end = key.find(id).context("the key holds the id")? + id.len();
    Ok(key[..end].to_owned())
}

/// The key of the raw object that has the batch.
pub(super) async fn archived(stack: &Stack, id: &str) -> Result<String> {
    let s3 = Aws::local(&stack.file.aws_endpoint_url).await.s3();
    let what = "the batch to be archived";
    eventually(what, ARRIVAL, async || {
        let listed = listing::list(&s3, &stack.file.bucket, "raw/sparkpost/", ARRIVAL).await?;
        Ok(listed
            .into_iter()
            .map(|object| object.key)
            .find(|key| key.contains(id)))
    })
    .await
}

pub(super) async fn forget(stack: &Stack, batch_key: &str, event_id: &str) -> Result<()> {
    sqlx::query("delete from email_events where event ->> 'event_id' = $1")
        .bind(event_id)
        .execute(&stack.db)
        .await?;
    sqlx::query("delete from batches where batch_key = $1")
        .bind(batch_key)
        .execute(&stack.db)
        .await?;
    Ok(())
}
