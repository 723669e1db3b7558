//! Where messages go back to the queue's side: settled ones to be deleted, others to be received again.

use std::time::Duration;

use aws_io::{
    SqsClient,
    queue::{QueueError, delete, release},
};
use boot::{
    chain,
    metrics::{Metrics, Tally},
};
use futures::{StreamExt, stream};
use time::OffsetDateTime;
use tokio::time::timeout_at;
use tracing::warn;

use crate::{
    release::{GivenBack, Hiding},
    report::{EventCounts, MessageCounts},
    settlement::SettledMessage,
    storage::Storage,
    window::Window,
};

/// Messages to a call.
const PER_CALL: usize = 10;
const CONCURRENT_CALLS: usize = 8;

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
                            (message.receipt, hidden)
                        })
                        .collect();
                    self.give_back(loans).await;
                }
            }
        }
        self.delete(&ready).await;
    }

    async fn delete(&mut self, settled: &[SettledMessage]) {
        let (sqs, queue_url, end) = (self.sqs, self.queue_url, self.window.end());
        let calls = settled.chunks(PER_CALL).map(|messages| async move {
            let receipts: Vec<String> = messages
                .iter()
                .map(|message| message.receipt.clone())
                .collect();
            let call = delete(sqs, queue_url, &receipts);
            let failed = match timeout_at(end, call).await {
                Ok(Ok(failed)) => failed,
                Ok(Err(cause)) => {
                    warn_of(&cause);
                    (0..messages.len()).collect()
                }
                Err(_) => (0..messages.len()).collect(),
            };
            (messages, failed)
        });
        let calls: Vec<_> = calls.collect();
        let mut running = stream::iter(calls).buffer_unordered(CONCURRENT_CALLS);
        let mut counts = EventCounts::default();
        let (mut deleted, mut not_deleted) = (0, 0);
        while let Some((messages, failed)) = running.next().await {
            for (place, message) in messages.iter().enumerate() {
                if failed.contains(&place) {
                    not_deleted += 1;
                } else {
                    deleted += 1;
                    counts.add(&message.counts);
                }
            }
        }
        drop(running);
        self.messages.deleted += deleted;
        self.messages.not_deleted += not_deleted;
        if deleted > 0 {
            let mut tally = Tally::default();
            counts.add_to(&mut tally);
            self.metrics
                .emit_with(&tally, counts.reasons(), (self.clock)().into());
            self.events.add(&counts);
        }
    }

    /// Gives messages back, each hidden for its own time. Those for which this fails come back when their loan ends.
    pub(crate) async fn give_back(&mut self, loans: Vec<(String, Duration)>) {
        self.messages.given_back += loans.len() as u64;
        let (sqs, queue_url, end) = (self.sqs, self.queue_url, self.window.end());
        let calls: Vec<_> = loans
            .chunks(PER_CALL)
            .map(|loans| async move {
                let call = release(sqs, queue_url, loans);
                if let Ok(Err(cause)) = timeout_at(end, call).await {
                    warn_of(&cause);
                }
            })
            .collect();
        let mut running = stream::iter(calls).buffer_unordered(CONCURRENT_CALLS);
        while running.next().await.is_some() {}
    }
}

fn warn_of(cause: &QueueError) {
    warn!(error = %chain(cause), "messages stay in the queue until their loan ends");
}
