//! Receiving messages from a queue that Lambda does not poll for the function.

use std::time::Duration;

use aws_sdk_sqs::{
    config::timeout::TimeoutConfig,
    types::{Message, MessageSystemAttributeName},
};

use super::{ARCHIVED_AS, QueueError, SENT_AT, whole_seconds};
use crate::SqsClient;

/// The most messages that one call returns
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>).
pub const MAX_RECEIVED: u8 = 10;

/// The time limit of a call, beyond its wait time.
const RESPONSE_TIME: Duration = Duration::from_secs(8);

/// Options of a call of `ReceiveMessage`.
#[derive(Clone, Copy, Debug)]
pub struct ReceiveOptions {
    /// The most messages to return, up to [`MAX_RECEIVED`].
    pub max_messages: u8,
    /// How long to wait for a first message: 1 to 20 whole seconds. Short polling (0) queries a subset of SQS's servers and may
    /// find a queue empty that is not.
    pub wait: Duration,
    /// The visibility timeout, in whole seconds.
    pub visibility: Duration,
}

/// An in-flight message: it becomes visible again unless it is deleted within its visibility timeout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// The id, the same whenever it is received.
    pub id: String,
    /// The handle to delete it by, another one whenever it is received.
    pub receipt_handle: String,
    /// When it was sent, milliseconds since the Unix epoch; 0 when SQS does not say. A replayed message was sent when it was sent first.
    pub sent_at_ms: i64,
    /// The object that has a replayed message ([`send_again`](super::send_again)).
    pub archived_as: Option<String>,
    /// How often it was received, this time included.
    pub receive_count: u32,
    /// The body.
    pub body: String,
}

/// Receives up to `max_messages` messages, which may be none.
///
/// # Errors
/// When SQS refuses or cannot be reached. Messages that SQS delivered nevertheless become visible again after their timeout.
pub async fn receive(
    client: &SqsClient,
    queue_url: &str,
    options: ReceiveOptions,
) -> Result<Vec<ReceivedMessage>, QueueError> {
    let limit = options.wait + RESPONSE_TIME;
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(limit)
        .operation_timeout(limit)
        .build();
    let response = client
        .receive_message()
        .queue_url(queue_url)
        .max_number_of_messages(i32::from(options.max_messages.clamp(1, MAX_RECEIVED)))
        .wait_time_seconds(whole_seconds(options.wait).clamp(1, 20))
        .visibility_timeout(whole_seconds(options.visibility))
        .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
        .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
        .message_attribute_names(ARCHIVED_AS)
        .message_attribute_names(SENT_AT)
        .customize()
        .config_override(aws_sdk_sqs::config::Builder::new().timeout_config(timeouts))
        .send()
        .await
        .map_err(|source| QueueError::Receive {
            queue_url: queue_url.to_owned(),
            source: Box::new(source),
        })?;
    let messages = response.messages.unwrap_or_default();
    Ok(messages.into_iter().filter_map(read).collect())
}

/// A message without an id or a receipt could never be deleted; SQS sends none.
fn read(message: Message) -> Option<ReceivedMessage> {
    let attribute = |name: MessageSystemAttributeName| {
        let attributes = message.attributes.as_ref()?;
        attributes.get(&name).map(String::as_str)
    };
    let number = |name| attribute(name).and_then(|text| text.parse::<i64>().ok());
    let own = |name: &str| {
        message
            .message_attributes
            .as_ref()?
            .get(name)?
            .string_value()
    };
    let sent_at_ms = own(SENT_AT)
        .and_then(|text| text.parse().ok())
        .or_else(|| number(MessageSystemAttributeName::SentTimestamp))
        .unwrap_or(0);
    let archived_as = own(ARCHIVED_AS).map(str::to_owned);
    let receive_count = number(MessageSystemAttributeName::ApproximateReceiveCount)
        .and_then(|count| u32::try_from(count).ok())
        .unwrap_or(1);
    Some(ReceivedMessage {
        id: message.message_id?,
        receipt_handle: message.receipt_handle?,
        sent_at_ms,
        archived_as,
        receive_count,
        body: message.body.unwrap_or_default(),
    })
}
