//! Acknowledges the messages of a run: resolved ones are deleted, others released to be received again.

use std::{collections::HashSet, time::Duration};

use aws_io::{
    SqsClient,
    queue::{BatchFailures, delete, release},
};
use function_kit::{
    chain,
    metrics::{Metrics, Tally},
};
use time::OffsetDateTime;
use tracing::warn;

use crate::{
    report::{EventCounts, MessageCounts},
    resolved_message::ResolvedMessage,
    run_deadlines::RunDeadlines,
    storage::Storage,
    visibility::{ReleaseReason, VisibilityBackoff},
};

/// Waits for the releases of a run, and counts them.
#[derive(Debug)]
pub(crate) struct Acknowledger<'a> {
    sqs: &'a SqsClient,
    queue_url: &'a str,
    storage: &'a Storage<'a>,
    metrics: &'a Metrics,
    clock: fn() -> OffsetDateTime,
    deadlines: RunDeadlines,
    visibility: VisibilityBackoff,
    pub(crate) events: EventCounts,
    pub(crate) messages: MessageCounts,
}

impl<'a> Acknowledger<'a> {
    pub(crate) fn new(
        sqs: &'a SqsClient,
        queue_url: &'a str,
        storage: &'a Storage<'a>,
        metrics: &'a Metrics,
        clock: fn() -> OffsetDateTime,
        deadlines: RunDeadlines,
        visibility: VisibilityBackoff,
    ) -> Self {
        Self {
            sqs,
            queue_url,
            storage,
            metrics,
            clock,
            deadlines,
            visibility,
            events: EventCounts::default(),
            messages: MessageCounts::default(),
        }
    }

    /// Deletes resolved messages, and counts their events. Their rejections are written first; if that fails, the messages
    /// with rejections are released.
    pub(crate) async fn ack(&mut self, resolved: Vec<ResolvedMessage>) {
        let (mut with_rejections, mut ready): (Vec<_>, Vec<_>) = resolved
            .into_iter()
            .partition(|message| !message.rejected_lines.is_empty());
        let mut lines: Vec<u8> = Vec::new();
        for message in &mut with_rejections {
            let mut own = std::mem::take(&mut message.rejected_lines);
            if lines.is_empty() {
                lines = own;
            } else {
                lines.append(&mut own);
            }
        }
        if !lines.is_empty() {
            match self.storage.write_rejected(lines, (self.clock)()).await {
                Ok(_) => ready.extend(with_rejections),
                Err(cause) => {
                    warn!(error = %chain(&cause), "rejected events not written, their messages are released");
                    let releases = with_rejections
                        .into_iter()
                        .map(|message| {
                            let timeout = self
                                .visibility
                                .visibility_timeout(ReleaseReason::Failure, message.receive_count);
                            (message.receipt_handle, timeout)
                        })
                        .collect();
                    self.release(releases).await;
                }
            }
        }
        self.delete(&ready).await;
    }

    async fn delete(&mut self, resolved: &[ResolvedMessage]) {
        let receipt_handles: Vec<String> = resolved
            .iter()
            .map(|message| message.receipt_handle.clone())
            .collect();
        let failures = delete(
            self.sqs,
            self.queue_url,
            &receipt_handles,
            self.deadlines.end(),
        )
        .await;
        warn_of(&failures);
        let failed: HashSet<usize> = failures.indices.into_iter().collect();
        let mut counts = EventCounts::default();
        for (index, message) in resolved.iter().enumerate() {
            if failed.contains(&index) {
                self.messages.not_deleted += 1;
            } else {
                self.messages.deleted += 1;
                counts.add(&message.counts);
            }
        }
        if failed.len() < resolved.len() {
            let mut tally = Tally::default();
            counts.add_to(&mut tally);
            self.metrics
                .emit_with(&tally, counts.reasons(), (self.clock)().into());
            self.events.add(&counts);
        }
    }

    /// Makes messages visible again, each after its own time. Those for which this fails become visible when their visibility
    /// timeout ends.
    pub(crate) async fn release(&mut self, messages: Vec<(String, Duration)>) {
        self.messages.released += messages.len() as u64;
        let failures = release(self.sqs, self.queue_url, &messages, self.deadlines.end()).await;
        warn_of(&failures);
    }
}

fn warn_of(failures: &BatchFailures) {
    if let Some(error) = &failures.error {
        warn!(error = %chain(error), "messages stay in the queue until their visibility timeout ends");
    }
}
