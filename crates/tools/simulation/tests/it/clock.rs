//! The runtime's paused clock, as the functions and the models read it.

use std::{cell::Cell, time::Duration};

use time::OffsetDateTime;
use tokio::time::Instant;

thread_local! {
    static STARTED: Cell<Option<(Instant, OffsetDateTime)>> = const { Cell::new(None) };
}

/// Starts the clock of this thread's schedule at `at`.
pub(crate) fn start(at: OffsetDateTime) {
    STARTED.set(Some((Instant::now(), at)));
}

/// The current time.
pub(crate) fn now() -> OffsetDateTime {
    let (started, at) = STARTED.get().expect("the clock was started");
    at + started.elapsed()
}

/// Milliseconds since the start, to which the runtime's timers are exact.
pub(crate) fn now_ms() -> u64 {
    let (started, _) = STARTED.get().expect("the clock was started");
    u64::try_from(started.elapsed().as_millis()).unwrap()
}

/// Waits until so many milliseconds after the start.
pub(crate) async fn sleep_until_ms(at_ms: u64) {
    let (started, _) = STARTED.get().expect("the clock was started");
    tokio::time::sleep_until(started + Duration::from_millis(at_ms)).await;
}
