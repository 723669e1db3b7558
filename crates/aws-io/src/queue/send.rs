//! Sending messages of our own.

use std::{collections::HashSet, time::Duration};

use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use tokio::time::sleep;

use super::QueueError;
use crate::SqsClient;

/// The most messages that one call takes.
const MAX_ENTRIES: usize = 10;
/// How often the entries that SQS names as failed are sent again.
const ENTRY_ATTEMPTS: u32 = 3;
const ENTRY_BACKOFF: Duration = Duration::from_millis(200);

/// Sends one message.
pub async fn send(client: &SqsClient, queue_url: &str, body: &str) -> Result<(), QueueError> {
    let request = client
        .send_message()
        .queue_url(queue_url)
        .message_body(body);
    match request.send().await {
        Ok(_) => Ok(()),
        Err(source) => Err(QueueError::Send {
            queue_url: queue_url.to_owned(),
            source: Box::new(source),
        }),
    }
}

/// Sends messages, ten to a call. Returns the places of those that SQS did not take, after trying them again.
///
/// # Errors
/// When SQS refuses or cannot be reached. Some of the messages may be sent all the same.
pub async fn send_batch(
    client: &SqsClient,
    queue_url: &str,
    bodies: &[String],
) -> Result<Vec<usize>, QueueError> {
    let mut refused = Vec::new();
    for (chunk_index, chunk) in bodies.chunks(MAX_ENTRIES).enumerate() {
        let left = send_chunk(client, queue_url, chunk).await?;
        refused.extend(
            left.into_iter()
                .map(|place| chunk_index * MAX_ENTRIES + place),
        );
    }
    Ok(refused)
}

async fn send_chunk(
    client: &SqsClient,
    queue_url: &str,
    bodies: &[String],
) -> Result<Vec<usize>, QueueError> {
    let mut left: Vec<usize> = (0..bodies.len()).collect();
    for attempt in 1..=ENTRY_ATTEMPTS {
        let mut request = client.send_message_batch().queue_url(queue_url);
        for place in &left {
            let body = bodies.get(*place).map(String::as_str).unwrap_or_default();
            let entry = SendMessageBatchRequestEntry::builder()
                .id(place.to_string())
                .message_body(body)
                .build()
                .expect("an entry with id and body is complete");
            request = request.entries(entry);
        }
        let answer = request
            .send()
            .await
            .map_err(|source| QueueError::SendBatch {
                queue_url: queue_url.to_owned(),
                source: Box::new(source),
            })?;
        let named: HashSet<&str> = answer
            .failed()
            .iter()
            .map(BatchResultErrorEntry::id)
            .collect();
        left.retain(|place| named.contains(place.to_string().as_str()));
        if left.is_empty() {
            break;
        }
        if attempt < ENTRY_ATTEMPTS {
            sleep(ENTRY_BACKOFF * attempt).await;
        }
    }
    Ok(left)
}
