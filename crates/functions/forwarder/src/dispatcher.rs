//! Sends calls to the destination, until each has a result or the run ends.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use event_mapping::{
    Call, FailureCause, Operation, RejectReason,
    iterable::{User, UserUpdate},
};
use event_model::json::JsonObject;
use futures::{StreamExt, stream};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::{
    backoff::{at_least, waits},
    call_index::CallIndex,
    decision::{Decision, DeliveryResult, decide},
    destination::Destination,
    packing::{RequestSequence, pack},
    rate_limiter::{Ended, RateLimiter},
    report::RunEnd,
};

/// Concurrent requests. The rate limit allows 8 a second, and a response may take a second.
const CONCURRENT_SEQUENCES: usize = 8;

/// Sends calls within the rate limit and the time of a run.
#[derive(Debug)]
pub(crate) struct Dispatcher<'a> {
    destination: &'a dyn Destination,
    limiter: &'a RateLimiter,
    request_timeout: Duration,
    /// The seed of the next request's waits: concurrent requests wait for different times.
    next_seed: AtomicU64,
}

/// Results of calls, in the order in which they became known.
type Results = Vec<(CallIndex, DeliveryResult)>;

impl<'a> Dispatcher<'a> {
    pub(crate) fn new(
        destination: &'a dyn Destination,
        limiter: &'a RateLimiter,
        request_timeout: Duration,
        seed: u64,
    ) -> Self {
        Self {
            destination,
            limiter,
            request_timeout,
            next_seed: AtomicU64::new(seed),
        }
    }

    /// Sends calls and returns the result of each. `None` is a call without a certain result, because the run ended.
    pub(crate) async fn dispatch(&self, calls: &[Call]) -> Vec<Option<DeliveryResult>> {
        let mut results: Vec<Option<DeliveryResult>> = vec![None; calls.len()];
        // A profile may create the user that the events need, so profiles are sent first.
        for operation in Operation::ALL {
            for (index, result) in self.dispatch_operation(operation, calls).await {
                if let Some(slot) = results.get_mut(index.0) {
                    *slot = Some(result);
                }
            }
        }
        results
    }

    /// Creates users that the destination does not know, so that it accepts their events in a later run.
    pub(crate) async fn create_users(&self, users: Vec<User>, now_ms: i64) {
        let updates: Vec<Call> = users
            .into_iter()
            .map(|user| Call {
                operation: Operation::Profile,
                id: user.name().to_owned(),
                json: UserUpdate {
                    user: &user,
                    data_fields: JsonObject::default(),
                }
                .into_json(),
                user,
                event_name: String::new(),
                at_ms: now_ms,
                notes: Vec::new(),
            })
            .collect();
        let created_count = self
            .dispatch(&updates)
            .await
            .iter()
            .filter(|result| **result == Some(Ok(())))
            .count();
        info!(
            unknown_count = updates.len(),
            created_count, "created unknown users"
        );
    }

    async fn dispatch_operation(&self, operation: Operation, calls: &[Call]) -> Results {
        let indices: Vec<CallIndex> = CallIndex::enumerate(calls)
            .filter(|(_, call)| call.operation == operation)
            .map(|(index, _)| index)
            .collect();
        if indices.is_empty() {
            return Results::new();
        }
        let packed = pack(calls, indices, &self.destination.limits(operation));
        let too_large =
            FailureCause::rejected(RejectReason::TooLarge, "larger than a whole request may be");
        let mut results: Results = packed
            .too_large
            .into_iter()
            .map(|index| (index, Err(too_large.clone())))
            .collect();

        let sequences = packed
            .sequences
            .into_iter()
            .map(|sequence| Box::pin(self.send_in_order(operation, calls, sequence)));
        let mut running = stream::iter(sequences).buffer_unordered(CONCURRENT_SEQUENCES);
        while let Some(more) = running.next().await {
            results.extend(more);
        }
        results
    }

    async fn send_in_order(
        &self,
        operation: Operation,
        calls: &[Call],
        sequence: RequestSequence,
    ) -> Results {
        let mut results = Results::new();
        // Requests to send, the next one last.
        let mut pending: Vec<Vec<CallIndex>> = sequence.into_iter().rev().collect();
        while let Some(indices) = pending.pop() {
            let Ok((known, further)) = self.request(operation, calls, &indices).await else {
                break;
            };
            results.extend(known);
            pending.extend(further.into_iter().rev());
        }
        results
    }

    /// Sends one request until a response has results for its calls.
    async fn request(
        &self,
        operation: Operation,
        calls: &[Call],
        indices: &[CallIndex],
    ) -> Result<(Results, Vec<Vec<CallIndex>>), Ended> {
        let request: Vec<(CallIndex, &Call)> = indices
            .iter()
            .filter_map(|index| Some((*index, index.of(calls)?)))
            .collect();
        let request_calls: Vec<&Call> = request.iter().map(|(_, call)| *call).collect();
        let interval = self.destination.limits(operation).interval;
        let mut failures = 0;
        let mut waits = waits(self.next_seed.fetch_add(1, Ordering::Relaxed));
        loop {
            self.limiter.acquire(operation, interval).await?;
            let time_limit = self
                .limiter
                .deadlines()
                .time_for_response(Instant::now())
                .min(self.request_timeout);
            let response = self
                .destination
                .send(operation, &request_calls, time_limit)
                .await;
            match decide(&request, response) {
                Decision::Go { results, further } => {
                    self.limiter.reset();
                    return Ok((results, further));
                }
                Decision::Again {
                    retry_after,
                    detail,
                } => {
                    failures += 1;
                    let wait = at_least(retry_after, waits.next().unwrap_or_default());
                    warn!(
                        operation = operation.as_str(),
                        failures,
                        wait_ms = wait.as_millis(),
                        detail,
                        "destination unavailable, request will be repeated"
                    );
                    self.limiter.back_off(wait, detail);
                }
                Decision::Stop(detail) => {
                    self.limiter.end(RunEnd::DestinationRefused(detail));
                    return Err(Ended);
                }
            }
        }
    }
}
