//! Receives messages and archives them, before anything parses them.

use std::time::Duration;

use aws_io::queue::ReceivedMessage;
use function_kit::chain;
use tracing::error;

use crate::{
    backlog::{Archived, Backlog, groups},
    rate_limiter::RateLimiter,
    receiver::Receiver,
    report::RunEnd,
    run::Run,
    storage::Storage,
    suspects::Suspects,
    visibility::ReleaseReason,
};

const QUEUE_FAILED: &str = "the queue could not be read";
const ARCHIVE_FAILED: &str = "received messages could not be archived";

/// The result of receiving.
#[derive(Default)]
pub(super) struct Received {
    /// How many messages are archived.
    pub(super) archived_count: u64,
    /// The messages that are not archived, to be released.
    pub(super) released: Vec<(String, Duration)>,
}

/// Receives the messages of a chunk and archives them.
pub(super) async fn receive(
    run: &Run<'_>,
    limiter: &RateLimiter,
    storage: &Storage<'_>,
    receiver: &mut Receiver<'_>,
    suspects: &mut Suspects,
    backlog: &mut Backlog,
) -> Received {
    let (messages, result) = receiver.receive_chunk().await;
    if let Err(cause) = result {
        error!(error = %chain(&cause), "queue could not be read");
        limiter.end(RunEnd::QueueFailed(QUEUE_FAILED.to_owned()));
    }
    let messages = suspects.set_aside(messages);
    archive(run, limiter, storage, messages, backlog).await
}

pub(super) async fn archive(
    run: &Run<'_>,
    limiter: &RateLimiter,
    storage: &Storage<'_>,
    messages: Vec<ReceivedMessage>,
    backlog: &mut Backlog,
) -> Received {
    let mut received = Received::default();
    let mut has_failed = false;
    let (replayed, messages): (Vec<_>, Vec<_>) = messages
        .into_iter()
        .partition(|message| message.archived_as.is_some());
    for archived in archived_before(replayed) {
        backlog.add(archived);
    }
    for group in groups(messages) {
        let outcome = if has_failed {
            None
        } else {
            match storage.archive(&group, run.erased, (run.clock)()).await {
                Ok(source_key) => Some(source_key),
                Err(cause) => {
                    error!(error = %chain(&cause), "received messages could not be archived");
                    limiter.end(RunEnd::ArchiveFailed(ARCHIVE_FAILED.to_owned()));
                    has_failed = true;
                    None
                }
            }
        };
        match outcome {
            Some(source_key) => {
                received.archived_count += group.len() as u64;
                backlog.add(Archived {
                    source_key,
                    messages: group.into(),
                });
            }
            None => received.released.extend(
                group
                    .into_iter()
                    .map(|message| release_after_failure(run, message)),
            ),
        }
    }
    received
}

/// Replayed messages, by the objects that have them: archiving them again would double them with each replay.
fn archived_before(messages: Vec<ReceivedMessage>) -> Vec<Archived> {
    let mut all: Vec<Archived> = Vec::new();
    for message in messages {
        let source_key = message.archived_as.clone().unwrap_or_default();
        match all.last_mut() {
            Some(last) if last.source_key == source_key => last.messages.push_back(message),
            _ => all.push(Archived {
                source_key,
                messages: [message].into(),
            }),
        }
    }
    all
}

/// The release of a message that could not be processed.
pub(super) fn release_after_failure(run: &Run<'_>, message: ReceivedMessage) -> (String, Duration) {
    let visibility = run.settings.visibility;
    let timeout = visibility.visibility_timeout(ReleaseReason::Failure, message.receive_count);
    (message.receipt_handle, timeout)
}
