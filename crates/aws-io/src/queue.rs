//! Queues: what waits in them, messages of our own, and messages that a function takes itself.

mod receive;
mod send;
mod settle;

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
    receive::{Ask, MAX_RECEIVED, ReceivedMessage, receive},
    send::{send, send_batch},
    settle::{MAX_VISIBILITY, delete, release},
};
use crate::SqsClient;

/// The messages of a queue, by SQS's own approximate count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages that can be received now.
    pub visible: u64,
    /// Messages that somebody has received and neither deleted nor given back.
    pub in_flight: u64,
}

impl Depth {
    /// All messages that are not settled.
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
    /// The message was not taken.
    #[error("sending a message to {queue_url}")]
    Send {
        /// The queue.
        queue_url: String,
        /// The SDK's error.
        source: Box<SdkError<SendMessageError>>,
    },
    /// The messages were not taken.
    #[error("sending messages to {queue_url}")]
    SendBatch {
        /// The queue.
        queue_url: String,
        /// The SDK's error.
        source: Box<SdkError<SendMessageBatchError>>,
    },
    /// No messages were given.
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
    /// Messages were not given back.
    #[error("giving messages back to {queue_url}")]
    Release {
        /// The queue.
        queue_url: String,
        /// The SDK's error.
        source: Box<SdkError<ChangeMessageVisibilityBatchError>>,
    },
}

/// Counts what a queue holds.
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
