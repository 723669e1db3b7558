//! Messages that may have ended earlier runs: they are processed last and alone.
//!
//! A run that is killed leaves no trace but a higher receive count of its messages, and an outage of the destination raises that
//! count too. So a message that was received twice without a result is no longer processed with others, if there is room for it:
//! it waits until all others of the run are resolved. Before it is processed, a marker is written to S3, which is deleted when the
//! message is resolved or released. Markers that are still there prove that runs ended while only this message was being processed.
//! After three of them it goes to the dead-letter queue, with its reason: one such run may have been interrupted by coincidence.
//!
//! So a message that ends the process gets there with its sixth receive, within a day for every schedule of four hours or less,
//! once it is among those that wait. Other messages are not blocked: those that came before are processed in small groups, and
//! the groups before the culprit's are completed. An outage moves no message there, however long it is.

use std::time::Duration;

use aws_io::{
    S3Client, SqsClient,
    queue::{self, QueueError, ReceivedMessage, ReplayedMessage},
    s3::{NewObject, ObjectRef, PutOutcome, listing, put_new},
};
use function_kit::chain;
use tracing::{error, warn};

/// From this receive on, a message was received twice without a result.
const SUSPECT_RECEIVES: u32 = 3;

/// How many wait for the end of a run. Further ones are processed with the others, because each one alone needs its own
/// requests.
const MAX_WAITING: usize = 10;
const MAX_WAITING_BYTES: usize = 8 << 20;

/// This many runs end while processing only one message before it is moved to the dead-letter queue.
const MAX_MARKS: u32 = 3;

const MARK_LIMIT: Duration = Duration::from_secs(5);

/// The suspects of a run, in the order of their arrival.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    waiting: Vec<ReceivedMessage>,
    bytes: usize,
}

impl Suspects {
    /// Takes the suspects out of the messages, and returns the others.
    pub(crate) fn set_aside(&mut self, messages: Vec<ReceivedMessage>) -> Vec<ReceivedMessage> {
        let mut others = Vec::with_capacity(messages.len());
        for message in messages {
            let has_room = self.waiting.len() < MAX_WAITING
                && self.bytes + message.body.len() <= MAX_WAITING_BYTES;
            if message.receive_count >= SUSPECT_RECEIVES && has_room {
                self.bytes += message.body.len();
                self.waiting.push(message);
            } else {
                others.push(message);
            }
        }
        others
    }

    pub(crate) fn into_waiting(self) -> Vec<ReceivedMessage> {
        self.waiting
    }
}

/// Markers in S3 of messages that are processed alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks<'a> {
    pub(crate) s3: &'a S3Client,
    pub(crate) bucket: &'a str,
}

/// The result of marking a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is written now.
    New,
    /// All markers existed: as many runs ended while processing only this message.
    AllLeftBehind,
}

impl Marks<'_> {
    /// Marks a message. If no marker can be written, the message is processed anyway.
    pub(crate) async fn set(&self, message_id: &str) -> Mark {
        for number in 1..=MAX_MARKS {
            let mark = NewObject {
                name: ObjectRef {
                    bucket: self.bucket.to_owned(),
                    key: key(message_id, number),
                },
                body: "{}\n".into(),
                content_type: "application/json",
                metadata: Vec::new(),
            };
            match put_new(self.s3, &mark, MARK_LIMIT).await {
                Ok(PutOutcome::Created) => return Mark::New,
                Ok(PutOutcome::AlreadyThere) => {}
                Err(cause) => {
                    error!(error = %chain(&cause), "marker of a suspect message not written, it is processed anyway");
                    return Mark::New;
                }
            }
        }
        Mark::AllLeftBehind
    }

    /// Deletes the markers of a message.
    pub(crate) async fn clear(&self, message_id: &str) {
        let keys: Vec<String> = (1..=MAX_MARKS)
            .map(|number| key(message_id, number))
            .collect();
        if let Err(cause) = listing::delete(self.s3, self.bucket, &keys, MARK_LIMIT).await {
            error!(
                error = %chain(&cause),
                "markers of a message not deleted: it may be moved to the dead-letter queue"
            );
        }
    }
}

fn key(message_id: &str, number: u32) -> String {
    // SQS generates the ids; they are UUIDs.
    let id: String = message_id
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    format!("state/mparticle/suspects/{id}-{number}.json")
}

/// Moves a message to the dead-letter queue of its queue; false if that has none.
///
/// # Errors
/// When SQS refuses or cannot be reached. The message is still in its queue.
pub(crate) async fn move_to_dead_letters(
    sqs: &SqsClient,
    queue_url: &str,
    message: &ReceivedMessage,
) -> Result<bool, QueueError> {
    let Some(dead_letter_url) = queue::dead_letter_url(sqs, queue_url).await? else {
        return Ok(false);
    };
    // As SQS would move it: with the time at which it was sent first.
    let again = ReplayedMessage {
        body: &message.body,
        sent_at_ms: message.sent_at_ms,
        archived_as: message.archived_as.as_deref(),
    };
    queue::send_again(sqs, &dead_letter_url, again).await?;
    warn!(
        message.id = message.id,
        message.receive_count = message.receive_count,
        "message moved to the dead-letter queue, because runs ended while processing only it"
    );
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: usize, receive_count: u32, bytes: usize) -> ReceivedMessage {
        ReceivedMessage {
            id: id.to_string(),
            receipt_handle: String::new(),
            sent_at_ms: 0,
            archived_as: None,
            receive_count,
            body: "x".repeat(bytes),
        }
    }

    #[test]
    fn messages_received_twice_without_a_result_wait_and_others_do_not() {
        let mut suspects = Suspects::default();

        let others = suspects.set_aside(vec![
            message(0, 1, 1),
            message(1, 3, 1),
            message(2, 2, 1),
            message(3, 400, 1),
        ]);

        let ids = |messages: &[ReceivedMessage]| -> Vec<String> {
            messages.iter().map(|message| message.id.clone()).collect()
        };
        assert_eq!(ids(&others), ["0", "2"]);
        assert_eq!(ids(&suspects.into_waiting()), ["1", "3"]);
    }

    #[test]
    fn no_more_wait_than_there_is_room_for() {
        let many = (0..MAX_WAITING + 3).map(|id| message(id, 3, 1)).collect();
        let large = (0..9).map(|id| message(id, 3, 1 << 20)).collect();

        assert_eq!(Suspects::default().set_aside(many).len(), 3);
        assert_eq!(Suspects::default().set_aside(large).len(), 1);
    }
}
