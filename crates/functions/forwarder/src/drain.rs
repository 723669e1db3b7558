//! The work of a run: from the queue to the destination, chunk by chunk.
//!
//! Three things go on side by side: a chunk is received, archived and mapped; the one before it is delivered; the
//! messages of the one before that are deleted or given back. So no more than three chunks are held, and events of one user
//! that are in different chunks still go out one after another. Last come messages that may be what ended earlier runs,
//! one at a time.
//!
//! A run may be cut off anywhere. A message is deleted last, after it was archived, its events were taken and its
//! rejections written down, so what was cut off happens again, under the same ids.

use std::time::Duration;

use aws_io::queue::ReceivedMessage;
use event_mapping::RejectReason;
use function_kit::chain;
use tracing::error;

use crate::{
    backlog::{Archived, Backlog, groups},
    chunk::Chunk,
    courier::Courier,
    decision::Fate,
    flow::Flow,
    intake::Intake,
    release::GivenBack,
    report::RunEnd,
    return_desk::ReturnDesk,
    run::{Run, unix_ms},
    settlement::{Terms, settle, unreadable},
    storage::Storage,
    suspects::{Mark, Marks, Suspects, bury},
};

const QUEUE_FAILED: &str = "the queue could not be read";
const ARCHIVE_FAILED: &str = "received messages could not be archived";

/// A run at work.
pub(crate) struct Drain<'r> {
    run: &'r Run<'r>,
    flow: &'r Flow,
    courier: &'r Courier<'r>,
    storage: &'r Storage<'r>,
    intake: Intake<'r>,
    pub(crate) desk: ReturnDesk<'r>,
    suspects: Suspects,
    backlog: Backlog,
    /// Whether the destination has taken something.
    is_proven: bool,
}

/// A chunk and what became of its calls.
struct Delivered {
    chunk: Chunk,
    fates: Vec<Option<Fate>>,
}

/// What receiving brought.
#[derive(Default)]
struct Received {
    archived: u64,
    /// What is not archived, and goes back.
    given_back: Vec<(String, Duration)>,
}

impl<'r> Drain<'r> {
    pub(crate) fn new(
        run: &'r Run<'r>,
        flow: &'r Flow,
        courier: &'r Courier<'r>,
        storage: &'r Storage<'r>,
        intake: Intake<'r>,
        desk: ReturnDesk<'r>,
    ) -> Self {
        Self {
            run,
            flow,
            courier,
            storage,
            intake,
            desk,
            suspects: Suspects::default(),
            backlog: Backlog::default(),
            is_proven: false,
        }
    }

    /// Why the run is over.
    pub(crate) fn why_ended(&self) -> RunEnd {
        self.flow.why_ended().unwrap_or_else(|| {
            if self.intake.may_have_more() {
                RunEnd::OutOfTime
            } else {
                RunEnd::QueueEmpty
            }
        })
    }

    /// Works until the queue is empty, there is no more time, or the destination fails.
    pub(crate) async fn drain(&mut self) {
        loop {
            self.work_on_all().await;
            let suspects = std::mem::take(&mut self.suspects).into_waiting();
            if suspects.is_empty() {
                return;
            }
            for message in suspects {
                Box::pin(self.work_alone(message)).await;
            }
        }
    }

    /// Works until nothing may be received any more, and what was received is settled, apart from suspects.
    async fn work_on_all(&mut self) {
        let mut delivering: Option<Chunk> = None;
        let mut settling: Option<Delivered> = None;
        loop {
            let is_idle = delivering.is_none() && settling.is_none();
            let may_receive = self.backlog.is_empty() && self.may_receive(is_idle);
            if !may_receive && self.backlog.is_empty() && is_idle {
                return;
            }
            let run = self.run;
            let (flow, courier, storage) = (self.flow, self.courier, self.storage);
            let (intake, suspects, backlog) =
                (&mut self.intake, &mut self.suspects, &mut self.backlog);
            let receive = async {
                let received = if may_receive {
                    receive(run, flow, storage, intake, suspects, backlog).await
                } else {
                    Received::default()
                };
                (received, next_chunk(run, backlog))
            };
            let deliver = async {
                let chunk = delivering.take()?;
                let fates = courier.deliver(&chunk.calls).await;
                Some(Delivered { chunk, fates })
            };
            let desk = &mut self.desk;
            let settle = async {
                if let Some(delivered) = settling.take() {
                    settle_chunk(run, flow, courier, desk, delivered).await;
                }
            };
            let ((received, chunk), delivered, ()) =
                futures::future::join3(Box::pin(receive), Box::pin(deliver), Box::pin(settle))
                    .await;

            self.note(delivered.as_ref());
            self.desk.messages.archived += received.archived;
            self.desk.give_back(received.given_back).await;
            settling = delivered;
            delivering = chunk;
        }
    }

    fn may_receive(&self, is_idle: bool) -> bool {
        self.intake.may_have_more() && self.flow.allows_to_receive() && (self.is_proven || is_idle)
    }

    /// Learns from a chunk how much may be received.
    fn note(&mut self, delivered: Option<&Delivered>) {
        match delivered {
            Some(delivered) if delivered.chunk.calls.is_empty() => self.intake.open_further(),
            Some(_) if self.flow.why_ended().is_none() => {
                self.is_proven = true;
                self.intake.open_fully();
            }
            Some(_) | None => {}
        }
    }

    /// Works on one message with nothing else in hand, from which no other can take harm.
    async fn work_alone(&mut self, message: ReceivedMessage) {
        if !self.flow.allows_to_send() {
            let why = match self.flow.why_ended() {
                Some(_) => open_because(self.flow),
                None => GivenBack::OutOfTime,
            };
            let hiding = self.run.settings.hiding;
            let hidden = hiding.hidden_for(why, message.receive_count);
            self.desk
                .give_back(vec![(message.receipt_handle, hidden)])
                .await;
            return;
        }
        let marks = Marks {
            s3: self.run.s3,
            bucket: self.run.bucket,
        };
        let id = message.id.clone();
        match marks.set(&id).await {
            Mark::New => self.deliver_alone(message).await,
            Mark::AllLeftBehind => self.bury(message).await,
        }
        marks.clear(&id).await;
    }

    async fn deliver_alone(&mut self, message: ReceivedMessage) {
        let (run, flow) = (self.run, self.flow);
        let received = archive(run, flow, self.storage, vec![message], &mut self.backlog).await;
        self.desk.messages.archived += received.archived;
        self.desk.give_back(received.given_back).await;
        while let Some(chunk) = next_chunk(run, &mut self.backlog) {
            let fates = self.courier.deliver(&chunk.calls).await;
            let delivered = Delivered { chunk, fates };
            self.note(Some(&delivered));
            settle_chunk(run, flow, self.courier, &mut self.desk, delivered).await;
        }
    }

    async fn bury(&mut self, message: ReceivedMessage) {
        match bury(self.run.sqs, self.run.queue_url, &message).await {
            Ok(is_in_queue) => {
                let rejection = RejectReason::BreaksTheRun
                    .because("runs ended while they had only this message in hand");
                let settled = unreadable(&message, &rejection);
                self.desk.messages.dead += u64::from(is_in_queue);
                self.desk.take(vec![settled]).await;
            }
            Err(cause) => {
                error!(error = %chain(&cause), "message that breaks runs cannot be set aside now");
                let loan = give_back(self.run, message);
                self.desk.give_back(vec![loan]).await;
            }
        }
    }
}

/// Receives, archives, and only then lets anybody look into it.
async fn receive(
    run: &Run<'_>,
    flow: &Flow,
    storage: &Storage<'_>,
    intake: &mut Intake<'_>,
    suspects: &mut Suspects,
    backlog: &mut Backlog,
) -> Received {
    let (messages, result) = intake.receive_chunk().await;
    if let Err(cause) = result {
        error!(error = %chain(&cause), "queue could not be read");
        flow.end(RunEnd::QueueFailed(QUEUE_FAILED.to_owned()));
    }
    let messages = suspects.set_aside(messages);
    archive(run, flow, storage, messages, backlog).await
}

async fn archive(
    run: &Run<'_>,
    flow: &Flow,
    storage: &Storage<'_>,
    messages: Vec<ReceivedMessage>,
    backlog: &mut Backlog,
) -> Received {
    let mut received = Received::default();
    let mut has_failed = false;
    for group in groups(messages) {
        let outcome = if has_failed {
            None
        } else {
            match storage.archive(&group, (run.clock)()).await {
                Ok(source_key) => Some(source_key),
                Err(cause) => {
                    error!(error = %chain(&cause), "received messages could not be archived");
                    flow.end(RunEnd::ArchiveFailed(ARCHIVE_FAILED.to_owned()));
                    has_failed = true;
                    None
                }
            }
        };
        match outcome {
            Some(source_key) => {
                received.archived += group.len() as u64;
                backlog.add(Archived {
                    source_key,
                    messages: group.into(),
                });
            }
            None => received
                .given_back
                .extend(group.into_iter().map(|message| give_back(run, message))),
        }
    }
    received
}

fn give_back(run: &Run<'_>, message: ReceivedMessage) -> (String, Duration) {
    let hiding = run.settings.hiding;
    let hidden = hiding.hidden_for(GivenBack::Trouble, message.receive_count);
    (message.receipt_handle, hidden)
}

fn next_chunk(run: &Run<'_>, backlog: &mut Backlog) -> Option<Chunk> {
    let max_age = run.settings.max_event_age;
    let max_age_ms = max_age.map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    backlog.next_chunk(run.mapper, unix_ms((run.clock)()), max_age_ms)
}

/// Why events about which nothing is known are given back.
fn open_because(flow: &Flow) -> GivenBack {
    match flow.why_ended() {
        Some(RunEnd::OutOfTime | RunEnd::QueueEmpty) => GivenBack::OutOfTime,
        Some(
            RunEnd::DestinationUnavailable(_)
            | RunEnd::DestinationRefused(_)
            | RunEnd::QueueFailed(_)
            | RunEnd::ArchiveFailed(_),
        )
        | None => GivenBack::Trouble,
    }
}

async fn settle_chunk(
    run: &Run<'_>,
    flow: &Flow,
    courier: &Courier<'_>,
    desk: &mut ReturnDesk<'_>,
    delivered: Delivered,
) {
    let now_ms = unix_ms((run.clock)());
    let terms = Terms {
        unknown_users: run.settings.unknown_users,
        unknown_user_patience: run.settings.unknown_user_patience,
        now_ms,
        open_because: open_because(flow),
        hiding: run.settings.hiding,
    };
    let mut start = 0;
    while start < delivered.chunk.messages.len() {
        let (settlement, next) = settle(&delivered.chunk, &delivered.fates, &terms, start);
        start = next;
        desk.take(settlement.settled).await;
        desk.give_back(settlement.given_back).await;
        if !settlement.unknown_users.is_empty() {
            courier.make_users(settlement.unknown_users, now_ms).await;
        }
    }
}
