//! Ending a loan: messages are deleted, or given back, ten to a call.

use std::{collections::HashSet, time::Duration};

use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
};
use tokio::time::sleep;

use super::{QueueError, receive::seconds};
use crate::SqsClient;

/// The most messages that one call takes.
const MAX_ENTRIES: usize = 10;
/// How often the entries that SQS names as failed are sent again.
const ENTRY_ATTEMPTS: u32 = 3;
const ENTRY_BACKOFF: Duration = Duration::from_millis(200);

/// The longest time that a message can stay hidden.
pub const MAX_VISIBILITY: Duration = Duration::from_hours(12);

/// Deletes messages by their receipts. Returns the places, in `receipts`, of those that are not deleted: SQS answers 200
/// with a list of failures, which are tried again and then given up. Such messages come back.
///
/// # Errors
/// When SQS refuses or cannot be reached. Some of the messages may be deleted all the same.
pub async fn delete(
    client: &SqsClient,
    queue_url: &str,
    receipts: &[String],
) -> Result<Vec<usize>, QueueError> {
    let mut failed = Vec::new();
    for (chunk_index, chunk) in receipts.chunks(MAX_ENTRIES).enumerate() {
        let left = delete_chunk(client, queue_url, chunk).await?;
        failed.extend(
            left.into_iter()
                .map(|place| chunk_index * MAX_ENTRIES + place),
        );
    }
    Ok(failed)
}

async fn delete_chunk(
    client: &SqsClient,
    queue_url: &str,
    receipts: &[String],
) -> Result<Vec<usize>, QueueError> {
    let mut left: Vec<usize> = (0..receipts.len()).collect();
    for attempt in 1..=ENTRY_ATTEMPTS {
        let mut request = client.delete_message_batch().queue_url(queue_url);
        for place in &left {
            let receipt = receipts.get(*place).map(String::as_str).unwrap_or_default();
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(place.to_string())
                .receipt_handle(receipt)
                .build()
                .expect("an entry with id and receipt is complete");
            request = request.entries(entry);
        }
        let answer = request.send().await.map_err(|source| QueueError::Delete {
            queue_url: queue_url.to_owned(),
            source: Box::new(source),
        })?;
        left = failed_places(&left, answer.failed());
        if left.is_empty() {
            break;
        }
        if attempt < ENTRY_ATTEMPTS {
            sleep(ENTRY_BACKOFF * attempt).await;
        }
    }
    Ok(left)
}

/// Gives messages back, each to be seen again after its own time. What SQS does not take comes back when the loan ends, so
/// failures of single entries are not told.
///
/// # Errors
/// When SQS refuses or cannot be reached.
pub async fn release(
    client: &SqsClient,
    queue_url: &str,
    loans: &[(String, Duration)],
) -> Result<(), QueueError> {
    for chunk in loans.chunks(MAX_ENTRIES) {
        let mut request = client
            .change_message_visibility_batch()
            .queue_url(queue_url);
        for (place, (receipt, hidden)) in chunk.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(place.to_string())
                .receipt_handle(receipt)
                .visibility_timeout(seconds((*hidden).min(MAX_VISIBILITY)))
                .build()
                .expect("an entry with id and receipt is complete");
            request = request.entries(entry);
        }
        request.send().await.map_err(|source| QueueError::Release {
            queue_url: queue_url.to_owned(),
            source: Box::new(source),
        })?;
    }
    Ok(())
}

/// The places among `sent` that the answer names as failed.
fn failed_places(sent: &[usize], failed: &[BatchResultErrorEntry]) -> Vec<usize> {
    let named: HashSet<&str> = failed.iter().map(BatchResultErrorEntry::id).collect();
    let is_named = |place: &&usize| named.contains(place.to_string().as_str());
    sent.iter().filter(is_named).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(id: &str) -> BatchResultErrorEntry {
        BatchResultErrorEntry::builder()
            .id(id)
            .code("InternalError")
            .sender_fault(false)
            .build()
            .unwrap()
    }

    #[test]
    fn only_named_entries_are_left() {
        assert_eq!(failed_places(&[0, 1, 2], &[failure("1")]), [1]);
        assert!(failed_places(&[0, 1], &[]).is_empty());
        assert!(failed_places(&[0, 1], &[failure("7")]).is_empty());
    }
}
