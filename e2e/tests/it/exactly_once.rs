//! The same events again, in every way in which they can be delivered again.

use anyhow::{Result, ensure};
use event_model::BatchKey;

use crate::stack::{ARRIVAL, Stack, eventually, fresh_id};

fn batch_of(id: &str, count: usize) -> Vec<u8> {
    let events: Vec<String> = (0..count)
        .map(|n| {
            format!(
                r#"{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}-{n}","timestamp":"{}","rcpt_to":"r{n}@example.com"}}}}}}"#,
                1_790_000_000 + n
            )
        })
        .collect();
    format!("[{}]", events.join(",")).into_bytes()
}

#[tokio::test]
async fn same_batch_five_times_adds_its_rows_once() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("again");
    let body = batch_of(&id, 200);

    for _ in 0..5 {
        let accounts = stack.deliver(&id, body.clone()).await?;
        ensure!(accounts.inserted == 200, "{accounts:?}");
    }

    ensure!(stack.stored_events_of(&body).await? == 200);
    Ok(())
}

#[tokio::test]
async fn same_events_under_other_batch_ids_are_duplicates() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let label = fresh_id("resent");
    let body = batch_of(&label, 200);
    stack.deliver(&label, body.clone()).await?;

    for n in 0..4 {
        let accounts = stack.deliver(&format!("{label}-{n}"), body.clone()).await?;
        ensure!(
            accounts.received == 200 && accounts.inserted == 0,
            "{accounts:?}"
        );
    }

    ensure!(stack.stored_events_of(&body).await? == 200);
    Ok(())
}

/// S3 notifies at least once, and SQS delivers at least once: here every notification is sent three times, so that
/// several loaders compete for the same objects.
#[tokio::test]
async fn repeated_notices_load_each_object_once() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let label = fresh_id("notification");
    let sqs = stack.sqs().await;
    let bodies: Vec<Vec<u8>> = (0..10)
        .map(|n| batch_of(&format!("{label}-{n}"), 300))
        .collect();
    let mut batches = Vec::new();
    for (n, body) in bodies.iter().enumerate() {
        let batch_id = format!("{label}-{n}");
        ensure!(stack.post_batch(&batch_id, body.clone()).await? == 200);
        let key = BatchKey::new(Some(&batch_id), body);
        batches.push((batch_id, key));
    }

    let today = time::OffsetDateTime::now_utc().date();
    for (_, key) in batches.iter().chain(batches.iter().rev()) {
        let notification = serde_json::json!({"Records": [{
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": stack.file.bucket}, "object": {"key": key.object_key(today)}},
        }]});
        aws_io::queue::send(&sqs, &stack.file.queues.load, &notification.to_string()).await?;
    }

    for ((batch_id, _), body) in batches.iter().zip(&bodies) {
        let accounts = stack.accounts_of(batch_id).await?;
        ensure!(
            accounts.received == 300 && accounts.inserted == 300,
            "{accounts:?}"
        );
        ensure!(stack.stored_events_of(body).await? == 300);
    }
    eventually("the load queue to run empty", ARRIVAL, async || {
        Ok((stack.queue_depth(&stack.file.queues.load).await? == 0).then_some(()))
    })
    .await?;
    ensure!(
        stack.queue_depth(&stack.file.queues.load_dlq).await? == 0,
        "a notification went to the DLQ"
    );
    Ok(())
}
