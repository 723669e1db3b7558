//! Whether and when an operation is retried.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tracing::warn;

use crate::StoreError;

/// Retries while the database is unavailable, up to a deadline.
pub(crate) struct RetryPolicy {
    deadline: Instant,
    failed_attempts: u32,
}

impl RetryPolicy {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            deadline: Instant::now() + limit,
            failed_attempts: 0,
        }
    }

    /// Waits for the time of the next attempt, or returns the error if there is none: it is not transient, or the
    /// deadline has passed.
    pub(crate) async fn after(&mut self, error: StoreError) -> Result<(), StoreError> {
        let pause = pause_after(self.failed_attempts, random_bits());
        if !error.is_transient() || Instant::now() + pause > self.deadline {
            return Err(error);
        }
        self.failed_attempts += 1;
        warn!(
            ?error,
            attempt = self.failed_attempts,
            pause_ms = pause.as_secs_f64() * 1_000.0,
            "database unavailable, retrying"
        );
        sleep(pause).await;
        Ok(())
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The pause after failed attempt number `attempt`, counted from 0.
///
/// There is no first pause: the first failure is usually a pooled connection that died while idle. Then pauses double
/// up to two seconds, each shortened at random by up to a half, so that functions that lost the same database do not
/// all reconnect at once.
fn pause_after(attempt: u32, random: u32) -> Duration {
    let Some(doublings) = attempt.checked_sub(1) else {
        return Duration::ZERO;
    };
    let full = FIRST_PAUSE
        .saturating_mul(2_u32.saturating_pow(doublings))
        .min(LONGEST_PAUSE);
    let share = f64::from(random) / f64::from(u32::MAX);
    full.mul_f64(1.0 - share / 2.0)
}

/// Random bits, good enough to spread retries.
fn random_bits() -> u32 {
    // Each RandomState has its own keys.
    let bits = RandomState::new().hash_one(0);
    u32::try_from(bits >> 32).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_two_seconds_after_one_try_at_once() {
        let pauses = [0, 1, 2, 3, 4, 5, 6, 100].map(|attempt| pause_after(attempt, 0).as_millis());

        assert_eq!(pauses, [0, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
    }

    #[test]
    fn randomness_takes_off_up_to_a_half() {
        assert_eq!(pause_after(1, u32::MAX), Duration::from_millis(50));
        assert!(pause_after(1, u32::MAX / 2) < Duration::from_millis(100));
    }
}
