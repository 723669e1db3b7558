//! Receiving the messages of a dead-letter queue, and moving them.
//!
//! SQS can move messages itself (`StartMessageMoveTask`), but all of them or none, and only to where SQS had taken them from; the
//! forwarder moves some itself. A message is deleted after it was sent, so a run that is interrupted loses nothing: what was sent and
//! not deleted is processed twice, and stored once.

use std::time::Duration;

use anyhow::Result;
use aws_io::{
    SqsClient,
    queue::{self, MAX_RECEIVED, QueueError, ReceiveOptions, ReceivedMessage, ReplayedMessage},
};
use futures::{StreamExt as _, stream};
use tokio::time::Instant;

use super::{
    dead_letter::DeadLetter,
    seen::{Seen, VISIBILITY},
};
use crate::queue::Queue;

/// Long polling asks all servers of SQS, so that a queue that looks empty is.
const WAIT: Duration = Duration::from_secs(1);
/// Time limit of deleting or releasing.
const ACKNOWLEDGE_LIMIT: Duration = Duration::from_mins(1);
const PARALLEL_CALLS: usize = 8;

/// The dead letters of one queue.
pub(super) struct Moving<'a> {
    pub(super) sqs: &'a SqsClient,
    pub(super) queue: Queue,
    pub(super) url: &'a str,
    pub(super) dead_letter_url: &'a str,
    /// The ids of the messages that are meant; empty for all.
    pub(super) only: &'a [String],
    pub(super) limit: usize,
}

/// What became of them.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Those that are meant.
    pub(super) messages: Vec<DeadLetter>,
    /// Messages that were sent back and deleted.
    pub(super) sent: usize,
    /// Messages that were not sent back, or not deleted afterwards.
    pub(super) failed: usize,
    /// About how many messages were not looked at, although they might be meant.
    pub(super) unseen: u64,
}

impl Moving<'_> {
    /// Lists the messages, and makes them visible again.
    ///
    /// # Errors
    /// When they cannot be received.
    pub(super) async fn list(&self) -> Result<Moved> {
        let mut moved = Moved::default();
        let mut seen = Seen::new(self.only, self.limit);
        while let Some((messages, at)) = self.next(&mut seen).await? {
            for message in &messages {
                moved.messages.push(DeadLetter::of(self.queue, message));
                seen.hold(message, at);
            }
        }
        Ok(self.end(seen, moved).await)
    }

    /// Sends the messages back. Others are made visible again.
    ///
    /// # Errors
    /// When they cannot be received.
    pub(super) async fn run(&self) -> Result<Moved> {
        let mut moved = Moved::default();
        let mut seen = Seen::new(self.only, self.limit);
        while let Some((messages, at)) = self.next(&mut seen).await? {
            let (sent, unsent) = self.send(messages).await;
            let undeleted = self.delete(&sent).await;
            moved.sent += sent.len() - undeleted;
            moved.failed += unsent.len() + undeleted;
            let shown = sent.iter().chain(&unsent);
            moved
                .messages
                .extend(shown.map(|message| DeadLetter::of(self.queue, message)));
            for message in &unsent {
                seen.hold(message, at);
            }
        }
        Ok(self.end(seen, moved).await)
    }

    /// The next messages that are meant and were not received before, and when they were received; `None` at the end of the search.
    async fn next(
        &self,
        seen: &mut Seen<'_>,
    ) -> Result<Option<(Vec<ReceivedMessage>, Instant)>, QueueError> {
        if seen.is_complete() {
            return Ok(None);
        }
        let at = Instant::now();
        let received = self.receive().await?;
        Ok(seen.take(received, at).map(|meant| (meant, at)))
    }

    /// Counts what was not looked at, and makes messages visible again.
    async fn end(&self, seen: Seen<'_>, mut moved: Moved) -> Moved {
        if !seen.has_all_named() {
            let left = u64::try_from(seen.count() - moved.sent).unwrap_or(u64::MAX);
            match queue::depth(self.sqs, self.dead_letter_url).await {
                Ok(depth) => moved.unseen = depth.total().saturating_sub(left),
                Err(error) => eprintln!("note: what was not looked at is not known: {error}"),
            }
        }
        self.release(seen.into_held(Instant::now())).await;
        moved
    }

    async fn receive(&self) -> Result<Vec<ReceivedMessage>, QueueError> {
        let options = ReceiveOptions {
            max_messages: MAX_RECEIVED,
            wait: WAIT,
            visibility: VISIBILITY,
        };
        queue::receive(self.sqs, self.dead_letter_url, options).await
    }

    /// Those that were sent, and those that were not.
    async fn send(
        &self,
        messages: Vec<ReceivedMessage>,
    ) -> (Vec<ReceivedMessage>, Vec<ReceivedMessage>) {
        let outcomes: Vec<(ReceivedMessage, bool)> = stream::iter(messages)
            .map(async |message| {
                // With the time at which it was sent first: an app event without a time of its own happened then.
                let again = ReplayedMessage {
                    body: &message.body,
                    sent_at_ms: message.sent_at_ms,
                    archived_as: message.archived_as.as_deref(),
                };
                let sent = queue::send_again(self.sqs, self.url, again).await;
                if let Err(error) = &sent {
                    eprintln!("message {} is not sent back: {error}", message.id);
                }
                (message, sent.is_ok())
            })
            .buffered(PARALLEL_CALLS)
            .collect()
            .await;
        let (sent, unsent): (Vec<_>, Vec<_>) =
            outcomes.into_iter().partition(|(_, is_sent)| *is_sent);
        let only_messages = |all: Vec<(ReceivedMessage, bool)>| {
            all.into_iter().map(|(message, _)| message).collect()
        };
        (only_messages(sent), only_messages(unsent))
    }

    /// How many were not deleted.
    async fn delete(&self, messages: &[ReceivedMessage]) -> usize {
        let handles: Vec<String> = messages
            .iter()
            .map(|message| message.receipt_handle.clone())
            .collect();
        let deadline = Instant::now() + ACKNOWLEDGE_LIMIT;
        let failures = queue::delete(self.sqs, self.dead_letter_url, &handles, deadline).await;
        failures.indices.len()
    }

    async fn release(&self, receipts: Vec<String>) {
        let handles: Vec<(String, Duration)> = receipts
            .into_iter()
            .map(|receipt| (receipt, Duration::ZERO))
            .collect();
        let deadline = Instant::now() + ACKNOWLEDGE_LIMIT;
        let failures = queue::release(self.sqs, self.dead_letter_url, &handles, deadline).await;
        // What SQS did not release is visible again after its visibility timeout.
        if let Some(error) = failures.error {
            eprintln!("note: messages are visible again after a minute: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
