//! `cistern redrive`.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aws_io::{
    Aws, SqsClient, notification,
    queue::{self, MAX_RECEIVED, ReceiveOptions},
    s3::ObjectRef,
};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::{sync::Mutex, time::Instant};

use super::{
    cistern,
    replay::{archived, forget},
};
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id};

/// Messages that one test lists are invisible to the other one for a moment.
static DEAD_LETTERS: Mutex<()> = Mutex::const_new(());

/// A dead letter is listed as often as one looks, and sent back once; others stay.
#[tokio::test]
async fn dead_letter_is_listed_and_sent_back() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let _alone = DEAD_LETTERS.lock().await;
    let id = fresh_id("redrive");
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let body = format!(
        r#"[{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}","timestamp":"{now}"}}}}}}]"#
    );
    let accounts = stack.deliver(&id, body.into_bytes()).await?;
    let key = archived(&stack, &id).await?;
    forget(&stack, &accounts.batch_key, &id).await?;
    let sqs = Aws::local(&stack.file.aws_endpoint_url).await.sqs();
    let dead_letter_url = &stack.file.queues.load_dlq;
    let named = ObjectRef {
        bucket: stack.file.bucket.clone(),
        key: key.clone(),
    };
    queue::send(&sqs, dead_letter_url, &notification::encode(&named)).await?;
    // No notification, and without this test's batch: it stays.
    let other = format!("{id} is not JSON");
    queue::send(&sqs, dead_letter_url, &other).await?;
    let depth = queue::depth(&sqs, dead_letter_url).await?;

    let message = id_of(&cistern(&["redrive", "load"]).await?, &key)?;
    let again = cistern(&["redrive"]).await?;

    ensure!(again["dry_run"] == true && again["sent"] == 0, "{again}");
    ensure!(id_of(&again, &key)? == message, "{again}");

    let sent = cistern(&["redrive", "load", "--message", &message, "--run"]).await?;

    ensure!(
        sent["sent"] == 1 && id_of(&sent, &key)? == message,
        "{sent}"
    );
    let loaded = stack.accounts_of(&id).await?;
    ensure!(loaded.sum() == (1, 1, 0), "{loaded:?}");
    let left = queue::depth(&sqs, dead_letter_url).await?;
    ensure!(
        left.total() == depth.total() - 1,
        "{depth:?}, then {left:?}"
    );
    let gone = cistern(&["redrive", "load", "--message", &message, "--run"]).await;
    ensure!(gone.is_err(), "a message is sent back once: {gone:?}");
    // Others look for dead letters of their own.
    take_out(&sqs, dead_letter_url, &other).await
}

/// The list says why a message failed, by what the function logged about the object that it names.
#[tokio::test]
async fn list_says_why_a_message_failed() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let _alone = DEAD_LETTERS.lock().await;
    let id = fresh_id("why");
    let accounts = stack.deliver(&id, b"no batch".to_vec()).await?;
    let key = archived(&stack, &id).await?;
    forget(&stack, &accounts.batch_key, &id).await?;
    let sqs = Aws::local(&stack.file.aws_endpoint_url).await.sqs();
    let dead_letter_url = &stack.file.queues.load_dlq;
    let named = ObjectRef {
        bucket: stack.file.bucket.clone(),
        key: key.clone(),
    };
    let body = notification::encode(&named);
    queue::send(&sqs, dead_letter_url, &body).await?;
    // A dead letter keeps the time at which it was sent first, so that what is logged of it is later than that.
    queue::send(&sqs, &stack.file.queues.load, &body).await?;

    let why = eventually("the reason in the log", ARRIVAL, async || {
        let listed = cistern(&["redrive", "load"]).await?;
        let ours = message_about(&listed, &key)?;
        Ok(ours["why"].as_str().map(str::to_owned))
    })
    .await;

    take_out(&sqs, dead_letter_url, &body).await?;
    let why = why?;
    ensure!(why.starts_with("rejected items are in "), "{why}");
    Ok(())
}

/// Deletes the message with this body.
async fn take_out(sqs: &SqsClient, url: &str, body: &str) -> Result<()> {
    let options = ReceiveOptions {
        max_messages: MAX_RECEIVED,
        wait: Duration::from_secs(1),
        visibility: Duration::from_secs(5),
    };
    let ours = eventually("the other dead letter", ARRIVAL, async || {
        let received = queue::receive(sqs, url, options).await?;
        Ok(received.into_iter().find(|message| message.body == body))
    })
    .await?;
    let deadline = Instant::now() + ARRIVAL;
    let failures = queue::delete(sqs, url, &[ours.receipt_handle], deadline).await;
    ensure!(failures.indices.is_empty(), "{failures:?}");
    Ok(())
}

/// The id of the message that names this object.
fn id_of(summary: &Value, key: &str) -> Result<String> {
    let id = message_about(summary, key)?["id"].as_str();
    Ok(id.context("a message has an id")?.to_owned())
}

/// The message that names this object.
fn message_about<'s>(summary: &'s Value, key: &str) -> Result<&'s Value> {
    let messages = summary["messages"].as_array().context("messages")?;
    let mut ours = messages.iter().filter(|message| message["about"] == key);
    ours.next()
        .with_context(|| format!("no dead letter names {key}: {summary}"))
}
