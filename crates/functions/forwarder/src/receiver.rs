//! Receives messages from the queue, up to the size of a chunk.

use std::time::Duration;

use aws_io::{
    SqsClient,
    queue::{MAX_RECEIVED, QueueError, ReceiveOptions, ReceivedMessage, receive},
};
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::time::Instant;

use crate::rate_limiter::RateLimiter;

/// Long polling queries all of SQS's servers; the queue counts as empty after two empty receives.
const WAIT: Duration = Duration::from_secs(2);
const EMPTY_RECEIVES: u32 = 2;

/// Concurrent receives, for queues of small messages. Each may return ten messages of 1 MiB, however small those before were,
/// and needs twice as much memory until it is parsed.
const CONCURRENT_RECEIVES: usize = 3;
/// The size at which receiving stops.
const CHUNK_BYTES: usize = 4 << 20;
const CHUNK_MESSAGES: usize = 8_000;

/// The first chunk of a run is one receive, until the destination has accepted a request: during an outage,
/// each run costs no more than ten messages one of their receives.
const FIRST_CHUNK_MESSAGES: usize = MAX_RECEIVED as usize;
/// Chunks without calls show nothing about the destination, so the next one may be larger.
const GROWTH: usize = 4;

/// Receives the messages of a run.
#[derive(Debug)]
pub(crate) struct Receiver<'a> {
    sqs: &'a SqsClient,
    queue_url: &'a str,
    limiter: &'a RateLimiter,
    /// How long messages stay invisible after the run's deadline.
    past_the_run: Duration,
    max_messages: usize,
    empty_receives: u32,
}

impl<'a> Receiver<'a> {
    pub(crate) fn new(
        sqs: &'a SqsClient,
        queue_url: &'a str,
        limiter: &'a RateLimiter,
        past_the_run: Duration,
    ) -> Self {
        Self {
            sqs,
            queue_url,
            limiter,
            past_the_run,
            max_messages: FIRST_CHUNK_MESSAGES,
            empty_receives: 0,
        }
    }

    /// Whether there may be more messages, according to the last responses.
    pub(crate) fn may_have_more(&self) -> bool {
        self.empty_receives < EMPTY_RECEIVES
    }

    /// Lets the next chunks have full size.
    pub(crate) fn lift_limit(&mut self) {
        self.max_messages = CHUNK_MESSAGES;
    }

    /// Lets the next chunk be larger than the last one.
    pub(crate) fn raise_limit(&mut self) {
        self.max_messages = self.max_messages.saturating_mul(GROWTH).min(CHUNK_MESSAGES);
    }

    /// Receives until there are enough messages for a chunk, the queue seems empty, or receiving must stop.
    ///
    /// # Errors
    /// When SQS does not respond. Messages received before are returned with the error.
    pub(crate) async fn receive_chunk(&mut self) -> (Vec<ReceivedMessage>, Result<(), QueueError>) {
        let mut messages: Vec<ReceivedMessage> = Vec::new();
        let mut bytes = 0;
        let mut largest_bytes = 0;
        let mut result = Ok(());
        let mut running = FuturesUnordered::new();
        let mut may_ask = true;
        loop {
            while may_ask
                && running.len() < self.receives_at_once(messages.len(), bytes, largest_bytes)
            {
                running.push(receive(self.sqs, self.queue_url, self.ask(messages.len())));
            }
            let Some(response) = running.next().await else {
                break;
            };
            match response {
                Ok(more) if more.is_empty() => {
                    self.empty_receives += 1;
                    may_ask = false;
                }
                Ok(more) => {
                    self.empty_receives = 0;
                    for message in more {
                        bytes += message.body.len();
                        largest_bytes = largest_bytes.max(message.body.len());
                        messages.push(message);
                    }
                }
                Err(error) => {
                    result = Err(error);
                    may_ask = false;
                }
            }
            may_ask &= self.limiter.allows_to_receive();
        }
        (messages, result)
    }

    /// How many concurrent receives still fit into the chunk.
    fn receives_at_once(&self, messages: usize, bytes: usize, largest_bytes: usize) -> usize {
        let per_receive = usize::from(MAX_RECEIVED);
        let by_count = self
            .max_messages
            .saturating_sub(messages)
            .div_ceil(per_receive);
        let by_bytes = match largest_bytes {
            // The size of messages is unknown before the first have been received.
            0 => 1,
            largest => CHUNK_BYTES
                .saturating_sub(bytes)
                .div_ceil(largest * per_receive),
        };
        by_count.min(by_bytes).min(CONCURRENT_RECEIVES)
    }

    fn ask(&self, messages: usize) -> ReceiveOptions {
        let room = self.max_messages.saturating_sub(messages);
        ReceiveOptions {
            max_messages: u8::try_from(room).unwrap_or(MAX_RECEIVED).min(MAX_RECEIVED),
            wait: WAIT,
            visibility: self
                .limiter
                .deadlines()
                .visibility(Instant::now(), self.past_the_run),
        }
    }
}
