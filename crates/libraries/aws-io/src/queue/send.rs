//! Sending messages.

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use tokio::time::Instant;

use super::{
    ARCHIVED_AS, QueueError, SENT_AT,
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

/// A message that was received before, to be processed once more.
#[derive(Clone, Copy, Debug)]
pub struct ReplayedMessage<'a> {
    /// The body.
    pub body: &'a str,
    /// When the queue received it first, milliseconds since the Unix epoch.
    pub sent_at_ms: i64,
    /// The key of the object that has it; `None` when it is not archived.
    pub archived_as: Option<&'a str>,
}

/// Sends a message once more. Its receiver sees when it arrived first, and whether it is archived
/// ([`ReceivedMessage`](super::ReceivedMessage)).
///
/// # Errors
/// When SQS refuses or cannot be reached.
pub async fn send_again(
    client: &SqsClient,
    queue_url: &str,
    message: ReplayedMessage<'_>,
) -> Result<(), QueueError> {
    let attribute = |value: &str| {
        MessageAttributeValue::builder()
            .data_type("String")
            .string_value(value)
            .build()
            .expect("an attribute with a type is complete")
    };
    let mut request = client
        .send_message()
        .queue_url(queue_url)
        .message_body(message.body)
        .message_attributes(SENT_AT, attribute(&message.sent_at_ms.to_string()));
    if let Some(key) = message.archived_as {
        request = request.message_attributes(ARCHIVED_AS, attribute(key));
    }
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
