//! SQS queues: counting, sending, and receiving by a function that polls for itself.

mod acknowledge;
mod batch;
mod receive;
mod send;

use std::time::Duration;

use aws_sdk_sqs::{
    error::SdkError,
    operation::{
        change_message_visibility_batch::ChangeMessageVisibilityBatchError,
        delete_message_batch::DeleteMessageBatchError,
        get_queue_attributes::GetQueueAttributesError, receive_message::ReceiveMessageError,
        send_message::SendMessageError, send_message_batch::SendMessageBatchError,
    },
    types::QueueAttributeName,
};

pub use self::{
    acknowledge::{MAX_VISIBILITY, delete, release},
    batch::BatchFailures,
    receive::{MAX_RECEIVED, ReceiveOptions, ReceivedMessage, receive},
    send::{ReplayedMessage, send, send_again, send_batch},
};
use crate::SqsClient;

/// The attribute of a replayed message that names the object which has it.
const ARCHIVED_AS: &str = "cistern.archived-as";
/// The attribute of a replayed message with the time at which the queue received it first, milliseconds since the Unix epoch.
const SENT_AT: &str = "cistern.sent-at-ms";

/// The messages of a queue, by SQS's own approximate count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages that can be received now.
    pub visible: u64,
    /// Messages that were received and neither deleted nor made visible again.
    pub in_flight: u64,
}

impl Depth {
    /// All messages of the queue.
    pub fn total(self) -> u64 {
        self.visible + self.in_flight
    }
}

/// A queue that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The attributes could not be read.
    #[error("counting the messages of {queue_url}")]
    Depth {
        /// The queue.
        queue_url: String,
        /// The SDK's error.
        source: Box<SdkError<GetQueueAttributesError>>,
    },
    /// The queue's redrive policy could not be read.
    #[error("looking for the dead-letter queue of {queue_url}")]
    DeadLetters {
        /// The queue.
        queue_url: String,
        /// The SDK's error.
        source: Box<SdkError<GetQueueAttributesError>>,
    },
    /// The message was not sent.
    #[error("sending a message to {queue_url}")]
    Send {
        /// The queue.
        queue_url: String,
        /// The SDK's error.
        source: Box<SdkError<SendMessageError>>,
    },
    /// The messages were not sent.
    #[error("sending messages to {queue_url}")]
    SendBatch {
        /// The queue.
        queue_url: String,
        /// The SDK's error.
        source: Box<SdkError<SendMessageBatchError>>,
    },
    /// No messages were received.
    #[error("receiving messages of {queue_url}")]
    Receive {
        /// The queue.
        queue_url: String,
        /// The SDK's error.
        source: Box<SdkError<ReceiveMessageError>>,
    },
    /// Messages were not deleted.
    #[error("deleting messages of {queue_url}")]
    Delete {
        /// The queue.
        queue_url: String,
        /// The SDK's error.
        source: Box<SdkError<DeleteMessageBatchError>>,
    },
    /// Messages were not made visible again.
    #[error("changing the visibility of messages of {queue_url}")]
    Release {
        /// The queue.
        queue_url: String,
        /// The SDK's error.
        source: Box<SdkError<ChangeMessageVisibilityBatchError>>,
    },
}

/// The URL of the dead-letter queue of a queue; `None` when there is none. SQS requires it to be in the same account and region
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>).
///
/// # Errors
/// When the attribute cannot be read.
pub async fn dead_letter_url(
    client: &SqsClient,
    queue_url: &str,
) -> Result<Option<String>, QueueError> {
    let answer = client
        .get_queue_attributes()
        .queue_url(queue_url)
        .attribute_names(QueueAttributeName::RedrivePolicy)
        .send()
        .await
        .map_err(|source| QueueError::DeadLetters {
            queue_url: queue_url.to_owned(),
            source: Box::new(source),
        })?;
    let policy = answer
        .attributes()
        .and_then(|all| all.get(&QueueAttributeName::RedrivePolicy));
    Ok(policy.and_then(|policy| sibling_url(queue_url, policy)))
}

/// The URL of the queue that a redrive policy names, beside the one of the queue that has it.
fn sibling_url(queue_url: &str, redrive_policy: &str) -> Option<String> {
    let policy: serde_json::Value = serde_json::from_str(redrive_policy).ok()?;
    let (_, name) = policy
        .get("deadLetterTargetArn")?
        .as_str()?
        .rsplit_once(':')?;
    let (front, _) = queue_url.rsplit_once('/')?;
    Some(format!("{front}/{name}"))
}

/// Counts the messages of a queue.
///
/// # Errors
/// When the attributes cannot be read.
pub async fn depth(client: &SqsClient, queue_url: &str) -> Result<Depth, QueueError> {
    let answer = client
        .get_queue_attributes()
        .queue_url(queue_url)
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
        .send()
        .await
        .map_err(|source| QueueError::Depth {
            queue_url: queue_url.to_owned(),
            source: Box::new(source),
        })?;
    let count = |name: QueueAttributeName| {
        let text = answer.attributes().and_then(|all| all.get(&name));
        text.and_then(|text| text.parse().ok()).unwrap_or_default()
    };
    Ok(Depth {
        visible: count(QueueAttributeName::ApproximateNumberOfMessages),
        in_flight: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
    })
}

fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letter_queue_is_beside_its_queue() {
        let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:dead","maxReceiveCount":"9"}"#;

        let url = sibling_url("https://sqs.eu-west-1.amazonaws.com/123456789012/q", policy);

        assert_eq!(
            url.as_deref(),
            Some("https://sqs.eu-west-1.amazonaws.com/123456789012/dead")
        );
        assert_eq!(sibling_url("https://x/1/q", "{}"), None);
        assert_eq!(sibling_url("https://x/1/q", "no JSON"), None);
    }
}
