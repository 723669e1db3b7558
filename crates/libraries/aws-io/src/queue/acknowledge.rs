//! Acknowledging received messages: deleting them, or making them visible again.

use std::time::Duration;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
};
use tokio::time::Instant;

use super::{
    QueueError,
    batch::{BatchFailures, in_batches},
    whole_seconds,
};
use crate::SqsClient;

/// Calls at a time.
const PARALLEL_CALLS: usize = 8;

/// The longest visibility timeout.
pub const MAX_VISIBILITY: Duration = Duration::from_hours(12);

/// Deletes any number of messages by their receipt handles, until `deadline`. Returns those that were not deleted, which will be
/// delivered again.
pub async fn delete(
    client: &SqsClient,
    queue_url: &str,
    receipt_handles: &[String],
    deadline: Instant,
) -> BatchFailures {
    in_batches(
        receipt_handles,
        PARALLEL_CALLS,
        deadline,
        async |messages| {
            let mut request = client.delete_message_batch().queue_url(queue_url);
            for (id, receipt_handle) in messages {
                let entry = DeleteMessageBatchRequestEntry::builder()
                    .id(id)
                    .receipt_handle(receipt_handle)
                    .build()
                    .expect("an entry with id and receipt handle is complete");
                request = request.entries(entry);
            }
            let response = request.send().await.map_err(|source| QueueError::Delete {
                queue_url: queue_url.to_owned(),
                source: Box::new(source),
            })?;
            Ok(response.failed)
        },
    )
    .await
}

/// Makes any number of messages visible again, each by its receipt handle after its own time, until `deadline`. Returns those for
/// which SQS did not do so; they become visible when their visibility timeout ends.
pub async fn release(
    client: &SqsClient,
    queue_url: &str,
    messages: &[(String, Duration)],
    deadline: Instant,
) -> BatchFailures {
    in_batches(messages, PARALLEL_CALLS, deadline, async |messages| {
        let mut request = client
            .change_message_visibility_batch()
            .queue_url(queue_url);
        for (id, (receipt_handle, visibility_timeout)) in messages {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(id)
                .receipt_handle(receipt_handle)
                .visibility_timeout(whole_seconds((*visibility_timeout).min(MAX_VISIBILITY)))
                .build()
                .expect("an entry with id and receipt handle is complete");
            request = request.entries(entry);
        }
        let response = request.send().await.map_err(|source| QueueError::Release {
            queue_url: queue_url.to_owned(),
            source: Box::new(source),
        })?;
        Ok(response.failed)
    })
    .await
}
