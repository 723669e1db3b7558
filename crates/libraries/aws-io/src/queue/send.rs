//! Sending messages.

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use tokio::time::Instant;

use super::{
    QueueError,
    batch::{BatchFailures, in_batches},
};
use crate::SqsClient;

/// Sends one message.
///
/// # Errors
/// When SQS refuses or cannot be reached.
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

/// Sends any number of messages until `deadline`, with `parallel` calls at a time. Returns those that were not sent.
pub async fn send_batch(
    client: &SqsClient,
    queue_url: &str,
    bodies: &[String],
    parallel: usize,
    deadline: Instant,
) -> BatchFailures {
    in_batches(bodies, parallel, deadline, async |messages| {
        let mut request = client.send_message_batch().queue_url(queue_url);
        for (id, body) in messages {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(id)
                .message_body(body)
                .build()
                .expect("an entry with id and body is complete");
            request = request.entries(entry);
        }
        let response = request
            .send()
            .await
            .map_err(|source| QueueError::SendBatch {
                queue_url: queue_url.to_owned(),
                source: Box::new(source),
            })?;
        Ok(response.failed)
    })
    .await
}
