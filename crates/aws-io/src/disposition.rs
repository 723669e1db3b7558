//! The three ways a queue message can end. There is no fourth.

use std::error::Error;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};

/// How one item ended.
#[derive(Debug)]
pub enum Disposition {
    /// All of it is where it belongs: acknowledged.
    Done,
    /// It can never be used, and that is written down where a person can read it: acknowledged.
    Reject(Rejection),
    /// Something it needs is away: handed back to the queue.
    Retry(Box<dyn Error + Send + Sync>),
}

/// Why an item can never be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// A short fixed code to count and search by, such as `not_gzip`.
    pub reason: &'static str,
    /// What exactly, for a person. Holds no content of the item.
    pub detail: String,
}

/// What became of the messages of one invocation.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// What Lambda needs to hear: the messages to keep.
    pub response: SqsBatchResponse,
    /// Messages that ended as [`Disposition::Done`].
    pub done: u64,
    /// Messages that ended as [`Disposition::Reject`].
    pub rejected: u64,
    /// Messages that ended as [`Disposition::Retry`].
    pub retried: u64,
}

impl Disposition {
    /// The end of a message with two items: what has to be retried prevails, then what was rejected.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Retry(error), _) | (_, Self::Retry(error)) => Self::Retry(error),
            (Self::Reject(rejection), _) | (_, Self::Reject(rejection)) => Self::Reject(rejection),
            (Self::Done, Self::Done) => Self::Done,
        }
    }
}

/// Brings the messages of an event to their ends, one after the other. `settle` gets each one's id and body.
pub async fn settle_each(
    event: SqsEvent,
    mut settle: impl AsyncFnMut(&str, &str) -> Disposition,
) -> Outcomes {
    let mut ends = Vec::with_capacity(event.records.len());
    for message in event.records {
        let message_id = message.message_id.as_deref().unwrap_or_default();
        let body = message.body.as_deref().unwrap_or_default();
        let end = settle(message_id, body).await;
        ends.push((message.message_id, end));
    }
    collect(ends)
}

/// Gathers the ends of all messages into the partial batch response. Needs `ReportBatchItemFailures` on the event source
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
fn collect(ends: impl IntoIterator<Item = (Option<String>, Disposition)>) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for (message_id, end) in ends {
        match end {
            Disposition::Done => outcomes.done += 1,
            Disposition::Reject(_) => outcomes.rejected += 1,
            Disposition::Retry(_) => {
                outcomes.retried += 1;
                // A message without an id cannot be named. Lambda takes an empty name as a failure of the whole batch,
                // which loses nothing.
                outcomes
                    .response
                    .add_failure(message_id.unwrap_or_default());
            }
        }
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject() -> Disposition {
        Disposition::Reject(Rejection {
            reason: "not_gzip",
            detail: "no magic number".to_owned(),
        })
    }

    fn retry() -> Disposition {
        Disposition::Retry("connection refused".into())
    }

    #[test]
    fn only_retried_messages_are_reported() {
        let ends = [("a", Disposition::Done), ("b", retry()), ("c", reject())];

        let outcomes = collect(ends.map(|(id, end)| (Some(id.to_owned()), end)));

        let json = serde_json::to_value(&outcomes.response).unwrap();
        assert_eq!(
            json,
            serde_json::json!({ "batchItemFailures": [{ "itemIdentifier": "b" }] })
        );
        assert_eq!(
            (outcomes.done, outcomes.rejected, outcomes.retried),
            (1, 1, 1)
        );
    }

    #[test]
    fn retried_message_without_id_fails_the_whole_batch() {
        let outcomes = collect([(None, retry())]);

        let json = serde_json::to_value(&outcomes.response).unwrap();
        assert_eq!(
            json,
            serde_json::json!({ "batchItemFailures": [{ "itemIdentifier": "" }] })
        );
    }

    #[test]
    fn retry_prevails_over_reject_and_reject_over_done() {
        assert!(matches!(reject().and(retry()), Disposition::Retry(_)));
        assert!(matches!(
            retry().and(Disposition::Done),
            Disposition::Retry(_)
        ));
        assert!(matches!(
            Disposition::Done.and(reject()),
            Disposition::Reject(_)
        ));
        assert!(matches!(
            Disposition::Done.and(Disposition::Done),
            Disposition::Done
        ));
    }
}
