//! Where messages go back to the queue's side: settled ones to be deleted, others to be received again.

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
    release::{GivenBack, Hiding},
    report::{EventCounts, MessageCounts},
    settlement::SettledMessage,
    storage::Storage,
    window::Window,
};

/// Ends the loans of a run, and counts.
#[derive(Debug)]
pub(crate) struct ReturnDesk<'a> {
    sqs: &'a SqsClient,
    queue_url: &'a str,
    storage: &'a Storage<'a>,
    metrics: &'a Metrics,
    clock: fn() -> OffsetDateTime,
    window: Window,
    hiding: Hiding,
    pub(crate) events: EventCounts,
    pub(crate) messages: MessageCounts,
}

impl<'a> ReturnDesk<'a> {
    pub(crate) fn new(
        sqs: &'a SqsClient,
        queue_url: &'a str,
        storage: &'a Storage<'a>,
        metrics: &'a Metrics,
        clock: fn() -> OffsetDateTime,
        window: Window,
        hiding: Hiding,
    ) -> Self {
        Self {
            sqs,
            queue_url,
            storage,
            metrics,
            clock,
            window,
            hiding,
            events: EventCounts::default(),
            messages: MessageCounts::default(),
        }
    }

    /// Deletes settled messages, and counts their events. Rejections are written down before that; where this fails, the
    /// messages in question go back.
    pub(crate) async fn take(&mut self, settled: Vec<SettledMessage>) {
        let (mut with_rejections, mut ready): (Vec<_>, Vec<_>) = settled
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
                    warn!(error = %chain(&cause), "rejected events could not be written down");
                    let loans = with_rejections
                        .into_iter()
                        .map(|message| {
                            let hidden = self
                                .hiding
                                .hidden_for(GivenBack::Trouble, message.receive_count);
                            (message.receipt_handle, hidden)
                        })
                        .collect();
                    self.give_back(loans).await;
                }
            }
        }
        self.delete(&ready).await;
    }

    async fn delete(&mut self, settled: &[SettledMessage]) {
        let receipt_handles: Vec<String> = settled
            .iter()
            .map(|message| message.receipt_handle.clone())
            .collect();
        let failures = delete(
            self.sqs,
            self.queue_url,
            &receipt_handles,
            self.window.end(),
        )
        .await;
        warn_of(&failures);
        let failed: HashSet<usize> = failures.indices.into_iter().collect();
        let mut counts = EventCounts::default();
        for (index, message) in settled.iter().enumerate() {
            if failed.contains(&index) {
                self.messages.not_deleted += 1;
            } else {
                self.messages.deleted += 1;
                counts.add(&message.counts);
            }
        }
        if failed.len() < settled.len() {
            let mut tally = Tally::default();
            counts.add_to(&mut tally);
            self.metrics
                .emit_with(&tally, counts.reasons(), (self.clock)().into());
            self.events.add(&counts);
        }
    }

    /// Makes messages visible again, each after its own time. Those for which this fails become visible when their visibility
    /// timeout ends.
    pub(crate) async fn give_back(&mut self, messages: Vec<(String, Duration)>) {
        self.messages.given_back += messages.len() as u64;
        let failures = release(self.sqs, self.queue_url, &messages, self.window.end()).await;
        warn_of(&failures);
    }
}

fn warn_of(failures: &BatchFailures) {
    if let Some(error) = &failures.error {
        warn!(error = %chain(error), "messages stay in the queue until their visibility timeout ends");
    }
}
