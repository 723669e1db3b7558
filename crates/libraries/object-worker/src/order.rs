//! The order in which the messages of an invocation are processed: the least risky first.
//!
//! The messages of an invocation share its time, and its process if one of them ends it. A message that was received
//! before is more likely to do so than a new one, and a large object takes longer than a small one. Processed last,
//! neither delays the others, in this invocation or in a later one.

use aws_io::notification::{self, Notification};
use aws_lambda_events::event::sqs::SqsMessage;

/// Sorts by receive count, then by the size of the objects. The sort is stable.
pub(crate) fn sort(messages: &mut [SqsMessage]) {
    messages.sort_by_cached_key(|message| (receive_count(message), size_bytes(message)));
}

/// How often the message was received, this time included.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
fn receive_count(message: &SqsMessage) -> u32 {
    let count = message.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// The size of all objects of a message; 0 for a message that is not a notification.
fn size_bytes(message: &SqsMessage) -> u64 {
    match notification::decode(message.body.as_deref().unwrap_or_default()) {
        Ok(Notification::Created(objects)) => {
            let sizes = objects.iter().filter_map(|object| object.size_bytes);
            sizes.fold(0, u64::saturating_add)
        }
        Ok(Notification::TestEvent) | Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, receives: Option<&str>, sizes: &[u64]) -> SqsMessage {
        let record = |size: &u64| {
            serde_json::json!({
                "eventName": "ObjectCreated:Put",
                "s3": { "bucket": { "name": "b" }, "object": { "key": "k", "size": size } },
            })
        };
        let records: Vec<_> = sizes.iter().map(record).collect();
        let mut message = SqsMessage::default();
        message.message_id = Some(id.to_owned());
        message.body = Some(serde_json::json!({ "Records": records }).to_string());
        if let Some(receives) = receives {
            message
                .attributes
                .insert("ApproximateReceiveCount".to_owned(), receives.to_owned());
        }
        message
    }

    #[test]
    fn messages_received_least_often_with_the_smallest_objects_come_first() {
        let mut messages = [
            message("came back", Some("2"), &[1]),
            message("large", Some("1"), &[9, 90]),
            message("often", Some("30"), &[1]),
            message("small", Some("1"), &[50]),
            message("uncounted", None, &[3]),
            message("small too", Some("1"), &[50]),
        ];
        messages[0].body = Some("no notification".to_owned());

        sort(&mut messages);

        let ids: Vec<_> = messages
            .iter()
            .filter_map(|message| message.message_id.as_deref())
            .collect();
        assert_eq!(
            ids,
            [
                "uncounted",
                "small",
                "small too",
                "large",
                "came back",
                "often"
            ]
        );
    }
}
