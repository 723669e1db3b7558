//! When requests may be sent: the pace, the pauses, and the end.
//!
//! Shared by everything that runs side by side in a run. The pace is kept for each operation by itself, a pause and the
//! end hold for all of them.

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

use crate::{report::RunEnd, window::Window};

/// The state that decides about requests and receives.
#[derive(Debug)]
pub(crate) struct Flow {
    window: Window,
    state: Mutex<State>,
    ended: Notify,
}

/// There will be no more requests in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended;

#[derive(Debug, Default)]
struct State {
    next_turn: BTreeMap<Operation, Instant>,
    /// Until when the destination wants to be left alone, and what it said.
    pause: Option<(Instant, String)>,
    end: Option<RunEnd>,
    requests: u64,
}

enum Turn {
    Now,
    At(Instant),
    Never,
}

impl Flow {
    pub(crate) fn new(window: Window) -> Self {
        Self {
            window,
            state: Mutex::default(),
            ended: Notify::new(),
        }
    }

    /// Waits until a request may be sent. Requests of one operation are `interval` apart.
    pub(crate) async fn turn(&self, operation: Operation, interval: Duration) -> Result<(), Ended> {
        loop {
            match self.next_turn(operation, interval, Instant::now()) {
                Turn::Now => return Ok(()),
                Turn::Never => return Err(Ended),
                Turn::At(at) => {
                    tokio::select! {
                        () = sleep_until(at) => {}
                        () = self.ended.notified() => {}
                    }
                }
            }
        }
    }

    fn next_turn(&self, operation: Operation, interval: Duration, now: Instant) -> Turn {
        let mut state = self.state();
        if state.end.is_some() {
            return Turn::Never;
        }
        let paced = state.next_turn.get(&operation).copied().unwrap_or(now);
        let at = state
            .pause
            .as_ref()
            .map_or(paced, |(until, _)| paced.max(*until));
        if !self.window.allows_to_send(at.max(now)) {
            let end = match state.pause.take() {
                Some((_, detail)) => RunEnd::DestinationUnavailable(detail),
                None => RunEnd::OutOfTime,
            };
            drop(state);
            self.end(end);
            return Turn::Never;
        }
        if at > now {
            return Turn::At(at);
        }
        state.next_turn.insert(operation, now + interval);
        state.requests += 1;
        Turn::Now
    }

    /// Sends nothing for a while, because of what the destination said.
    pub(crate) fn pause(&self, wait: Duration, detail: String) {
        let until = Instant::now() + wait;
        let mut state = self.state();
        let longer = state.pause.as_ref().is_none_or(|(other, _)| *other < until);
        if longer {
            state.pause = Some((until, detail));
        }
    }

    /// The destination took a request, so it is no trouble any more. A pause that is not over holds on.
    pub(crate) fn recovered(&self) {
        let now = Instant::now();
        let mut state = self.state();
        if state.pause.as_ref().is_some_and(|(until, _)| *until <= now) {
            state.pause = None;
        }
    }

    /// Sends nothing any more. The first reason holds.
    pub(crate) fn end(&self, end: RunEnd) {
        self.state().end.get_or_insert(end);
        self.ended.notify_waiters();
    }

    /// Why nothing is sent any more.
    pub(crate) fn why_ended(&self) -> Option<RunEnd> {
        self.state().end.clone()
    }

    /// Whether taking more messages makes sense: each receive counts against a message, so none is taken while the
    /// destination fails.
    pub(crate) fn allows_to_receive(&self) -> bool {
        let state = self.state();
        state.end.is_none()
            && state.pause.is_none()
            && self.window.allows_to_receive(Instant::now())
    }

    /// Whether a request that is begun now may still be sent.
    pub(crate) fn allows_to_send(&self) -> bool {
        self.state().end.is_none() && self.window.allows_to_send(Instant::now())
    }

    pub(crate) fn window(&self) -> &Window {
        &self.window
    }

    /// How many requests were sent.
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

    fn flow(available_s: u64) -> Flow {
        Flow::new(Window::new(
            Instant::now(),
            Duration::from_secs(available_s),
        ))
    }

    #[tokio::test(start_paused = true)]
    async fn requests_of_one_operation_keep_their_distance() {
        let flow = flow(900);
        let start = Instant::now();

        for _ in 0..9 {
            flow.turn(Operation::Track, EIGHTH).await.unwrap();
        }
        flow.turn(Operation::Purchase, EIGHTH).await.unwrap();

        assert_eq!(start.elapsed().as_millis(), 1_000);
        assert_eq!(flow.requests(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_together_go_one_by_one() {
        let flow = flow(900);
        let start = Instant::now();

        let turns = (0..5).map(|_| flow.turn(Operation::Track, EIGHTH));
        futures::future::join_all(turns).await;

        assert_eq!(start.elapsed().as_millis(), 500);
    }

    #[tokio::test(start_paused = true)]
    async fn pause_holds_for_all_and_stops_receives_until_something_is_taken() {
        let flow = flow(900);
        let start = Instant::now();

        flow.pause(Duration::from_secs(5), "status 503".to_owned());
        flow.recovered();
        assert!(!flow.allows_to_receive());
        flow.turn(Operation::Track, EIGHTH).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 5);
        assert!(!flow.allows_to_receive());
        flow.recovered();
        assert!(flow.allows_to_receive());
    }

    #[tokio::test(start_paused = true)]
    async fn pause_past_the_end_of_the_run_ends_it_at_once() {
        let flow = flow(10);
        let start = Instant::now();

        flow.pause(Duration::from_mins(1), "status 503".to_owned());

        assert_eq!(flow.turn(Operation::Track, EIGHTH).await, Err(Ended));
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(
            flow.why_ended(),
            Some(RunEnd::DestinationUnavailable("status 503".to_owned()))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn end_wakes_those_who_wait_and_first_reason_holds() {
        let flow = flow(900);
        flow.pause(Duration::from_secs(50), String::new());
        let start = Instant::now();

        let (turn, ()) = tokio::join!(flow.turn(Operation::Track, EIGHTH), async {
            tokio::task::yield_now().await;
            flow.end(RunEnd::DestinationRefused("status 401".to_owned()));
            flow.end(RunEnd::OutOfTime);
        });

        assert_eq!(turn, Err(Ended));
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(
            flow.why_ended(),
            Some(RunEnd::DestinationRefused("status 401".to_owned()))
        );
    }
}
