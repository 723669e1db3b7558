//! The work of a run: from the queue to the destination, chunk by chunk.
//!
//! Three stages are concurrent: a chunk is received, archived and mapped; the previous one is dispatched; the
//! messages of the one before that are deleted or released. So at most three chunks are held, and events of one user
//! in different chunks are still sent one after another. Messages that may have ended earlier runs are processed last, one at a
//! time.
//!
//! A run may be interrupted anywhere. A message is deleted last, after it was archived, its events were accepted and its
//! rejections written, so the interrupted work is repeated under the same ids.

mod receiving;

use aws_io::queue::ReceivedMessage;
use event_mapping::RejectReason;
use function_kit::chain;
use tracing::error;

use self::receiving::{Received, archive, receive, release_after_failure};
use crate::{
    acknowledger::Acknowledger,
    backlog::Backlog,
    chunk::Chunk,
    decision::DeliveryResult,
    dispatcher::Dispatcher,
    rate_limiter::RateLimiter,
    receiver::Receiver,
    report::RunEnd,
    resolution::{ResolutionPolicy, resolve},
    resolved_message::ResolvedMessage,
    run::{Run, unix_ms},
    storage::Storage,
    suspects::{Mark, Marks, Suspects, move_to_dead_letters},
    visibility::ReleaseReason,
};

/// A run in progress.
pub(crate) struct Drain<'r> {
    run: &'r Run<'r>,
    limiter: &'r RateLimiter,
    dispatcher: &'r Dispatcher<'r>,
    storage: &'r Storage<'r>,
    receiver: Receiver<'r>,
    pub(crate) acknowledger: Acknowledger<'r>,
    suspects: Suspects,
    backlog: Backlog,
    /// Whether the destination has accepted any call.
    is_proven: bool,
}

/// A chunk and the results of its calls.
struct Dispatched {
    chunk: Chunk,
    results: Vec<Option<DeliveryResult>>,
}

impl<'r> Drain<'r> {
    pub(crate) fn new(
        run: &'r Run<'r>,
        limiter: &'r RateLimiter,
        dispatcher: &'r Dispatcher<'r>,
        storage: &'r Storage<'r>,
        receiver: Receiver<'r>,
        acknowledger: Acknowledger<'r>,
    ) -> Self {
        Self {
            run,
            limiter,
            dispatcher,
            storage,
            receiver,
            acknowledger,
            suspects: Suspects::default(),
            backlog: Backlog::default(),
            is_proven: false,
        }
    }

    /// Why the run ended.
    pub(crate) fn why_ended(&self) -> RunEnd {
        self.limiter.why_ended().unwrap_or_else(|| {
            if self.receiver.may_have_more() {
                RunEnd::OutOfTime
            } else {
                RunEnd::QueueEmpty
            }
        })
    }

    /// Works until the queue is empty, the time is used up, or the destination fails.
    pub(crate) async fn drain(&mut self) {
        loop {
            self.process_all().await;
            let suspects = std::mem::take(&mut self.suspects).into_waiting();
            if suspects.is_empty() {
                return;
            }
            for message in suspects {
                Box::pin(self.process_alone(message)).await;
            }
        }
    }

    /// Works until nothing more may be received, and all received messages except suspects are resolved.
    async fn process_all(&mut self) {
        let mut dispatching: Option<Chunk> = None;
        let mut resolving: Option<Dispatched> = None;
        loop {
            let is_idle = dispatching.is_none() && resolving.is_none();
            let may_receive = self.backlog.is_empty() && self.may_receive(is_idle);
            if !may_receive && self.backlog.is_empty() && is_idle {
                return;
            }
            let run = self.run;
            let (limiter, dispatcher, storage) = (self.limiter, self.dispatcher, self.storage);
            let (receiver, suspects, backlog) =
                (&mut self.receiver, &mut self.suspects, &mut self.backlog);
            let receive = async {
                let archived = if may_receive {
                    receive(run, limiter, storage, receiver, suspects, backlog).await
                } else {
                    Received::default()
                };
                (archived, next_chunk(run, backlog))
            };
            let dispatch = async {
                let chunk = dispatching.take()?;
                let results = dispatcher.dispatch(&chunk.calls).await;
                Some(Dispatched { chunk, results })
            };
            let acknowledger = &mut self.acknowledger;
            let resolve = async {
                if let Some(sent) = resolving.take() {
                    resolve_chunk(run, limiter, dispatcher, acknowledger, sent).await;
                }
            };
            let ((archived, chunk), sent, ()) =
                futures::future::join3(Box::pin(receive), Box::pin(dispatch), Box::pin(resolve))
                    .await;

            self.adapt(sent.as_ref());
            self.acknowledger.messages.archived += archived.archived_count;
            self.acknowledger.release(archived.released).await;
            resolving = sent;
            dispatching = chunk;
        }
    }

    fn may_receive(&self, is_idle: bool) -> bool {
        self.receiver.may_have_more()
            && self.limiter.allows_to_receive()
            && (self.is_proven || is_idle)
    }

    /// Adapts the receive limit to the outcome of a chunk.
    fn adapt(&mut self, dispatched: Option<&Dispatched>) {
        match dispatched {
            Some(dispatched) if dispatched.chunk.calls.is_empty() => self.receiver.raise_limit(),
            Some(_) if self.limiter.why_ended().is_none() => {
                self.is_proven = true;
                self.receiver.lift_limit();
            }
            Some(_) | None => {}
        }
    }

    /// Processes one message while there is no other in memory that it could affect.
    async fn process_alone(&mut self, message: ReceivedMessage) {
        if !self.limiter.allows_to_send() {
            let why = match self.limiter.why_ended() {
                Some(_) => release_reason(self.limiter),
                None => ReleaseReason::OutOfTime,
            };
            let visibility = self.run.settings.visibility;
            let timeout = visibility.visibility_timeout(why, message.receive_count);
            self.acknowledger
                .release(vec![(message.receipt_handle, timeout)])
                .await;
            return;
        }
        let marks = Marks {
            s3: self.run.s3,
            bucket: self.run.bucket,
        };
        let id = message.id.clone();
        match marks.set(&id).await {
            Mark::New => self.dispatch_alone(message).await,
            Mark::AllLeftBehind => self.move_to_dead_letters(message).await,
        }
        marks.clear(&id).await;
    }

    async fn dispatch_alone(&mut self, message: ReceivedMessage) {
        let (run, limiter) = (self.run, self.limiter);
        let received = archive(run, limiter, self.storage, vec![message], &mut self.backlog).await;
        self.acknowledger.messages.archived += received.archived_count;
        self.acknowledger.release(received.released).await;
        while let Some(chunk) = next_chunk(run, &mut self.backlog) {
            let results = self.dispatcher.dispatch(&chunk.calls).await;
            let dispatched = Dispatched { chunk, results };
            self.adapt(Some(&dispatched));
            resolve_chunk(
                run,
                limiter,
                self.dispatcher,
                &mut self.acknowledger,
                dispatched,
            )
            .await;
        }
    }

    async fn move_to_dead_letters(&mut self, message: ReceivedMessage) {
        match move_to_dead_letters(self.run.sqs, self.run.queue_url, &message).await {
            Ok(is_in_queue) => {
                let rejection = RejectReason::BreaksTheRun
                    .because("runs ended while only this message was being processed");
                let resolved = ResolvedMessage::unparsed(&message, &rejection);
                self.acknowledger.messages.dead += u64::from(is_in_queue);
                self.acknowledger.ack(vec![resolved]).await;
            }
            Err(cause) => {
                error!(error = %chain(&cause), "could not move a message that crashes runs to the dead-letter queue; releasing it");
                let release = release_after_failure(self.run, message);
                self.acknowledger.release(vec![release]).await;
            }
        }
    }
}

fn next_chunk(run: &Run<'_>, backlog: &mut Backlog) -> Option<Chunk> {
    let max_age = run.settings.max_event_age;
    let max_age_ms = max_age.map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    backlog.next_chunk(run.mapper, run.erased, unix_ms((run.clock)()), max_age_ms)
}

/// Why messages are released that have calls without a result.
fn release_reason(limiter: &RateLimiter) -> ReleaseReason {
    match limiter.why_ended() {
        Some(RunEnd::OutOfTime | RunEnd::QueueEmpty) => ReleaseReason::OutOfTime,
        Some(
            RunEnd::DestinationUnavailable(_)
            | RunEnd::DestinationRefused(_)
            | RunEnd::QueueFailed(_)
            | RunEnd::ArchiveFailed(_),
        )
        | None => ReleaseReason::Failure,
    }
}

async fn resolve_chunk(
    run: &Run<'_>,
    limiter: &RateLimiter,
    dispatcher: &Dispatcher<'_>,
    acknowledger: &mut Acknowledger<'_>,
    sent: Dispatched,
) {
    let now_ms = unix_ms((run.clock)());
    let policy = ResolutionPolicy {
        unknown_users: run.settings.unknown_users,
        unknown_user_retry_for: run.settings.unknown_user_retry_for,
        now_ms,
        release_reason: release_reason(limiter),
        visibility: run.settings.visibility,
    };
    let mut start = 0;
    while start < sent.chunk.messages.len() {
        let (resolution, next) = resolve(&sent.chunk, &sent.results, &policy, start);
        start = next;
        acknowledger.ack(resolution.resolved).await;
        acknowledger.release(resolution.released).await;
        if !resolution.unknown_users.is_empty() {
            dispatcher
                .create_users(resolution.unknown_users, now_ms)
                .await;
        }
    }
}
