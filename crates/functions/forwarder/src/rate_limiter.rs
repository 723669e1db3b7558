//! The times of requests: the rate, pauses, and the end of the run.
//!
//! Shared by all concurrent tasks of a run. The rate is limited for each operation separately; a pause and the end
//! apply to all of them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use event_mapping::Operation;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{report::RunEnd, run_deadlines::RunDeadlines};

/// The state that decides about requests and receives.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    deadlines: RunDeadlines,
    state: Mutex<State>,
    ended: Notify,
}

/// No more requests are sent in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended;

#[derive(Debug, Default)]
struct State {
    next_slot: BTreeMap<Operation, Instant>,
    /// The end of the pause, and the destination's reason.
    pause: Option<(Instant, String)>,
    end: Option<RunEnd>,
    requests: u64,
}

enum Slot {
    Now,
    At(Instant),
    Never,
}

impl RateLimiter {
    pub(crate) fn new(deadlines: RunDeadlines) -> Self {
        Self {
            deadlines,
            state: Mutex::default(),
            ended: Notify::new(),
        }
    }

    /// Waits until a request may be sent. Requests of one operation are `interval` apart.
    pub(crate) async fn acquire(
        &self,
        operation: Operation,
        interval: Duration,
    ) -> Result<(), Ended> {
        loop {
            match self.next_slot(operation, interval, Instant::now()) {
                Slot::Now => return Ok(()),
                Slot::Never => return Err(Ended),
                Slot::At(at) => {
                    tokio::select! {
                        () = sleep_until(at) => {}
                        () = self.ended.notified() => {}
                    }
                }
            }
        }
    }

    fn next_slot(&self, operation: Operation, interval: Duration, now: Instant) -> Slot {
        let mut state = self.state();
        if state.end.is_some() {
            return Slot::Never;
        }
        let paced = state.next_slot.get(&operation).copied().unwrap_or(now);
        let at = state
            .pause
            .as_ref()
            .map_or(paced, |(until, _)| paced.max(*until));
        if !self.deadlines.allows_to_send(at.max(now)) {
            let end = match state.pause.take() {
                Some((_, detail)) => RunEnd::DestinationUnavailable(detail),
                None => RunEnd::OutOfTime,
            };
            drop(state);
            self.end(end);
            return Slot::Never;
        }
        if at > now {
            return Slot::At(at);
        }
        state.next_slot.insert(operation, now + interval);
        state.requests += 1;
        Slot::Now
    }

    /// Pauses all requests, because of a response of the destination.
    pub(crate) fn back_off(&self, wait: Duration, detail: String) {
        // A wait that the clock cannot add is longer than the run.
        let until = Instant::now()
            .checked_add(wait)
            .unwrap_or(self.deadlines.end());
        let mut state = self.state();
        let longer = state.pause.as_ref().is_none_or(|(other, _)| *other < until);
        if longer {
            state.pause = Some((until, detail));
        }
    }

    /// Resets the backoff after a success. A pause that is not over continues.
    pub(crate) fn reset(&self) {
        let now = Instant::now();
        let mut state = self.state();
        if state.pause.as_ref().is_some_and(|(until, _)| *until <= now) {
            state.pause = None;
        }
    }

    /// Ends the run: no more requests are sent. The first reason is kept.
    pub(crate) fn end(&self, end: RunEnd) {
        self.state().end.get_or_insert(end);
        self.ended.notify_waiters();
    }

    /// Why no more requests are sent; `None` while they are.
    pub(crate) fn why_ended(&self) -> Option<RunEnd> {
        self.state().end.clone()
    }

    /// Whether more messages may be received: each receive counts against a message, so none is received while the
    /// destination fails.
    pub(crate) fn allows_to_receive(&self) -> bool {
        let state = self.state();
        state.end.is_none()
            && state.pause.is_none()
            && self.deadlines.allows_to_receive(Instant::now())
    }

    /// Whether a request that starts now may still be sent.
    pub(crate) fn allows_to_send(&self) -> bool {
        self.state().end.is_none() && self.deadlines.allows_to_send(Instant::now())
    }

    pub(crate) fn deadlines(&self) -> &RunDeadlines {
        &self.deadlines
    }

    /// The number of requests sent.
    pub(crate) fn requests(&self) -> u64 {
        self.state().requests
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EIGHTH: Duration = Duration::from_millis(125);

    fn limiter(available_s: u64) -> RateLimiter {
        RateLimiter::new(RunDeadlines::new(
            Instant::now(),
            Duration::from_secs(available_s),
        ))
    }

    #[tokio::test(start_paused = true)]
    async fn requests_of_one_operation_are_an_interval_apart() {
        let limiter = limiter(900);
        let start = Instant::now();

        for _ in 0..9 {
            limiter.acquire(Operation::Track, EIGHTH).await.unwrap();
        }
        limiter.acquire(Operation::Purchase, EIGHTH).await.unwrap();

        assert_eq!(start.elapsed().as_millis(), 1_000);
        assert_eq!(limiter.requests(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_requests_are_an_interval_apart() {
        let limiter = limiter(900);
        let start = Instant::now();

        let turns = (0..5).map(|_| limiter.acquire(Operation::Track, EIGHTH));
        futures::future::join_all(turns).await;

        assert_eq!(start.elapsed().as_millis(), 500);
    }

    #[tokio::test(start_paused = true)]
    async fn pause_applies_to_all_and_stops_receives_until_something_is_accepted() {
        let limiter = limiter(900);
        let start = Instant::now();

        limiter.back_off(Duration::from_secs(5), "status 503".to_owned());
        limiter.reset();
        assert!(!limiter.allows_to_receive());
        limiter.acquire(Operation::Track, EIGHTH).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 5);
        assert!(!limiter.allows_to_receive());
        limiter.reset();
        assert!(limiter.allows_to_receive());
    }

    #[tokio::test(start_paused = true)]
    async fn pause_past_the_end_of_the_run_ends_it_at_once() {
        let limiter = limiter(10);
        let start = Instant::now();

        limiter.back_off(Duration::from_mins(1), "status 503".to_owned());

        assert_eq!(limiter.acquire(Operation::Track, EIGHTH).await, Err(Ended));
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(
            limiter.why_ended(),
            Some(RunEnd::DestinationUnavailable("status 503".to_owned()))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn pause_of_any_length_ends_the_run_and_nothing_else() {
        for wait in [Duration::from_hours(24), Duration::MAX] {
            let limiter = limiter(900);

            limiter.back_off(wait, "status 503".to_owned());

            assert!(!limiter.allows_to_receive());
            assert_eq!(limiter.acquire(Operation::Track, EIGHTH).await, Err(Ended));
            let end = RunEnd::DestinationUnavailable("status 503".to_owned());
            assert_eq!(limiter.why_ended(), Some(end));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn end_wakes_waiting_requests_and_the_first_reason_is_kept() {
        let limiter = limiter(900);
        limiter.back_off(Duration::from_secs(50), String::new());
        let start = Instant::now();

        let (turn, ()) = tokio::join!(limiter.acquire(Operation::Track, EIGHTH), async {
            tokio::task::yield_now().await;
            limiter.end(RunEnd::DestinationRefused("status 401".to_owned()));
            limiter.end(RunEnd::OutOfTime);
        });

        assert_eq!(turn, Err(Ended));
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(
            limiter.why_ended(),
            Some(RunEnd::DestinationRefused("status 401".to_owned()))
        );
    }
}
