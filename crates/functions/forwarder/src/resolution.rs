//! The outcome of each message of a dispatched chunk. Pure.

use std::time::Duration;

use event_mapping::{FailureCause, NotSent, RejectReason, SkipReason, iterable::User};

use crate::{
    call_index::CallIndex,
    chunk::{Chunk, EventState, MappedMessage},
    decision::DeliveryResult,
    resolved_message::{LineSource, ResolvedMessage},
    visibility::{ReleaseReason, VisibilityBackoff},
};

/// Events older than this when they are sent are counted, because their destination may treat them differently.
const LATE_AFTER_MS: i64 = 24 * 60 * 60 * 1_000;

/// Lines of rejections are written to S3 in pieces of this many bytes.
const FULL_LINES_BYTES: usize = 4 << 20;

/// The policy for events whose user the destination does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownUsers {
    /// They are retried in later runs for some time, and rejected after that.
    Retry,
    /// Their users are created, and they are retried in later runs as above.
    Create,
    /// They are skipped.
    Drop,
}

/// The inputs of resolution in addition to the chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResolutionPolicy {
    pub(crate) unknown_users: UnknownUsers,
    /// How long an event may wait for its user, from the time its message was sent.
    pub(crate) unknown_user_retry_for: Duration,
    /// Milliseconds since the Unix epoch.
    pub(crate) now_ms: i64,
    /// Why messages are released that have calls without a result.
    pub(crate) release_reason: ReleaseReason,
    pub(crate) visibility: VisibilityBackoff,
}

/// The messages of a dispatched chunk, by their next step.
#[derive(Debug, Default)]
pub(crate) struct Resolution {
    pub(crate) resolved: Vec<ResolvedMessage>,
    /// Receipt handles of messages to release, with their visibility timeouts.
    pub(crate) released: Vec<(String, Duration)>,
    /// Users to create, without duplicates.
    pub(crate) unknown_users: Vec<User>,
}

/// The result of an event: that of the call at this index, or not sent.
type End = Result<CallIndex, NotSent>;

/// Resolves the messages of a chunk by the results of its calls, from the message at `start` on, until there are enough
/// lines about rejections to write. Returns the index of the message to continue with.
pub(crate) fn resolve(
    chunk: &Chunk,
    results: &[Option<DeliveryResult>],
    policy: &ResolutionPolicy,
    start: usize,
) -> (Resolution, usize) {
    let mut resolution = Resolution::default();
    let mut lines_bytes = 0;
    let mut next = start;
    for message in chunk.messages.iter().skip(start) {
        if lines_bytes >= FULL_LINES_BYTES {
            break;
        }
        next += 1;
        match resolve_message(chunk, message, results, policy) {
            Ok(resolved) => {
                lines_bytes += resolved.rejected_lines.len();
                resolution.resolved.push(resolved);
            }
            Err(why) => {
                let timeout = policy
                    .visibility
                    .visibility_timeout(why, message.receive_count);
                resolution
                    .released
                    .push((message.receipt_handle.clone(), timeout));
            }
        }
    }
    if policy.unknown_users == UnknownUsers::Create && start == 0 {
        resolution.unknown_users = unknown_users(chunk, results);
    }
    (resolution, next)
}

fn unknown_users(chunk: &Chunk, results: &[Option<DeliveryResult>]) -> Vec<User> {
    let unknown = chunk
        .calls
        .iter()
        .zip(results)
        .filter(|(_, result)| matches!(result, Some(Err(FailureCause::UnknownUser))));
    let mut users: Vec<User> = unknown.map(|(call, _)| call.user.clone()).collect();
    users.sort_unstable();
    users.dedup();
    users
}

/// A message is resolved with all of its events, or released with all of them: sending one again is safe, because its
/// id is the same.
fn resolve_message(
    chunk: &Chunk,
    message: &MappedMessage,
    results: &[Option<DeliveryResult>],
    policy: &ResolutionPolicy,
) -> Result<ResolvedMessage, ReleaseReason> {
    let result_of = |index: CallIndex| {
        index
            .of(results)
            .and_then(Option::as_ref)
            .ok_or(policy.release_reason)
    };
    for index in &message.profiles {
        result_of(*index)?;
    }

    let source = LineSource {
        source_key: &chunk.source_key,
        message_id: &message.id,
    };
    let mut resolved = ResolvedMessage::new(&message.receipt_handle, message.receive_count);
    for (ordinal, event) in &message.events {
        let (end, item): (End, &str) = match event {
            EventState::Skipped(reason) => (Err(NotSent::Skip(*reason)), ""),
            EventState::Rejected { rejection, item } => {
                (Err(NotSent::Reject(rejection.clone())), item)
            }
            EventState::Called { index, is_copy } => {
                let item = index
                    .of(&chunk.calls)
                    .map(|call| call.json.as_str())
                    .unwrap_or_default();
                let end = match result_of(*index)? {
                    Ok(()) if *is_copy => Err(NotSent::Skip(SkipReason::Duplicate)),
                    Ok(()) => Ok(*index),
                    Err(cause) => Err(not_sent(cause, message, policy)?),
                };
                (end, item)
            }
        };
        match end {
            Ok(index) => count_sent(&mut resolved, chunk, index, policy),
            Err(NotSent::Skip(reason)) => resolved.counts.skip(reason),
            Err(NotSent::Reject(rejection)) => {
                resolved.reject(&source, *ordinal, &rejection, item);
            }
        }
    }
    resolved.add_more(&source, &message.more);
    Ok(resolved)
}

/// The result of a failed call. The message is released while its user may still be created.
fn not_sent(
    cause: &FailureCause,
    message: &MappedMessage,
    policy: &ResolutionPolicy,
) -> Result<NotSent, ReleaseReason> {
    let retry_ms = i64::try_from(policy.unknown_user_retry_for.as_millis()).unwrap_or(i64::MAX);
    let may_retry = policy.now_ms.saturating_sub(message.sent_at_ms) < retry_ms;
    match (cause, policy.unknown_users) {
        (FailureCause::Rejected(rejection), _) => Ok(NotSent::Reject(rejection.clone())),
        (FailureCause::UnknownUser, UnknownUsers::Drop) => {
            Ok(NotSent::Skip(SkipReason::UnknownUser))
        }
        (FailureCause::UnknownUser, UnknownUsers::Retry | UnknownUsers::Create) if may_retry => {
            Err(ReleaseReason::UnknownUser)
        }
        (FailureCause::UnknownUser, UnknownUsers::Retry | UnknownUsers::Create) => {
            Ok(NotSent::Reject(RejectReason::UnknownUser.because(
                "the destination did not get to know the user in time",
            )))
        }
    }
}

fn count_sent(
    resolved: &mut ResolvedMessage,
    chunk: &Chunk,
    index: CallIndex,
    policy: &ResolutionPolicy,
) {
    let call = index.of(&chunk.calls);
    let at_ms = call.map_or(policy.now_ms, |call| call.at_ms);
    let is_late = policy.now_ms.saturating_sub(at_ms) > LATE_AFTER_MS;
    let notes = call.map(|call| call.notes.as_slice()).unwrap_or_default();
    resolved.counts.send(is_late, notes);
}

#[cfg(test)]
mod tests;
