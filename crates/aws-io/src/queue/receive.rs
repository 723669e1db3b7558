//! Taking messages from a queue that nobody polls for us.

use std::time::Duration;

use aws_sdk_sqs::{
    config::timeout::TimeoutConfig,
    types::{Message, MessageSystemAttributeName},
};

use super::QueueError;
use crate::SqsClient;

/// The most messages that one call gives
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>).
pub const MAX_RECEIVED: u8 = 10;

/// What a call adds to the time that it may wait for messages.
const ANSWER_TIME: Duration = Duration::from_secs(8);

/// How to ask for messages.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// The most messages to give, up to [`MAX_RECEIVED`].
    pub max_messages: u8,
    /// How long to wait for a first message: 1 to 20 seconds, in whole ones. Not waiting asks some of SQS's servers only
    /// and finds a queue empty that is not.
    pub wait: Duration,
    /// How long nobody else is given these messages, in whole seconds.
    pub visibility: Duration,
}

/// A message on loan: it comes back to the queue unless it is deleted in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// The id, the same whenever it is received.
    pub id: String,
    /// What to delete it by, another one whenever it is received.
    pub receipt: String,
    /// When the queue took it, milliseconds since the Unix epoch; 0 when SQS does not say.
    pub sent_at_ms: i64,
    /// How often it was received, this time included.
    pub receive_count: u32,
    /// The body.
    pub body: String,
}

/// Receives some messages; none when there are none.
///
/// # Errors
/// When SQS refuses or cannot be reached. Messages that it gave out all the same come back by themselves.
pub async fn receive(
    client: &SqsClient,
    queue_url: &str,
    ask: Ask,
) -> Result<Vec<ReceivedMessage>, QueueError> {
    let limit = ask.wait + ANSWER_TIME;
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(limit)
        .operation_timeout(limit)
        .build();
    let answer = client
        .receive_message()
        .queue_url(queue_url)
        .max_number_of_messages(i32::from(ask.max_messages.clamp(1, MAX_RECEIVED)))
        .wait_time_seconds(seconds(ask.wait).clamp(1, 20))
        .visibility_timeout(seconds(ask.visibility))
        .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
        .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
        .customize()
        .config_override(aws_sdk_sqs::config::Builder::new().timeout_config(timeouts))
        .send()
        .await
        .map_err(|source| QueueError::Receive {
            queue_url: queue_url.to_owned(),
            source: Box::new(source),
        })?;
    let messages = answer.messages.unwrap_or_default();
    Ok(messages.into_iter().filter_map(read).collect())
}

/// A message without an id or a receipt could never be deleted; SQS sends none.
fn read(message: Message) -> Option<ReceivedMessage> {
    let attribute = |name: MessageSystemAttributeName| {
        let attributes = message.attributes.as_ref()?;
        attributes.get(&name).map(String::as_str)
    };
    let number = |name| attribute(name).and_then(|text| text.parse::<i64>().ok());
    let sent_at_ms = number(MessageSystemAttributeName::SentTimestamp).unwrap_or(0);
    let receive_count = number(MessageSystemAttributeName::ApproximateReceiveCount)
        .and_then(|count| u32::try_from(count).ok())
        .unwrap_or(1);
    Some(ReceivedMessage {
        id: message.message_id?,
        receipt: message.receipt_handle?,
        sent_at_ms,
        receive_count,
        body: message.body.unwrap_or_default(),
    })
}

pub(super) fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}
