//! Which messages of an invocation are worked on first: those about which least is to be feared.
//!
//! Time is what the messages of an invocation share, and with it the process, should one of them end it. A message that came
//! back before is more likely to be the reason than one that comes for the first time, and a large object takes longer than
//! a small one. So neither of them delays the others, in this invocation or in any later one.

use aws_io::notice::{self, Notice};
use aws_lambda_events::event::sqs::SqsMessage;

/// Puts those that came least often first, and of these those whose objects are smallest. Otherwise the order stays.
pub(crate) fn sort(messages: &mut [SqsMessage]) {
    messages.sort_by_cached_key(|message| (receive_count(message), size_bytes(message)));
}

/// How often SQS has given the message out, this time included.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
fn receive_count(message: &SqsMessage) -> u32 {
    let count = message.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// The size of all objects of a message. What is no notice takes no time.
fn size_bytes(message: &SqsMessage) -> u64 {
    match notice::decode(message.body.as_deref().unwrap_or_default()) {
        Ok(Notice::Created(objects)) => {
            let sizes = objects.iter().filter_map(|object| object.size_bytes);
            sizes.fold(0, u64::saturating_add)
        }
        Ok(Notice::TestEvent) | Err(_) => 0,
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
    fn those_that_came_least_often_and_are_smallest_come_first() {
        let mut messages = [
            message("came back", Some("2"), &[1]),
            message("large", Some("1"), &[9, 90]),
            message("often", Some("30"), &[1]),
            message("small", Some("1"), &[50]),
            message("uncounted", None, &[3]),
            message("small too", Some("1"), &[50]),
        ];
        messages[0].body = Some("no notice".to_owned());

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
