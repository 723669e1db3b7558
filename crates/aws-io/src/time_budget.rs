//! How the time of one invocation is spent.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// After this share of the time no new work is begun.
const BEGIN_SHARE: f64 = 0.6;
/// After this share work is dropped. What is left is for saying so.
const WORK_SHARE: f64 = 0.9;

/// The two moments that matter in an invocation.
#[derive(Clone, Copy, Debug)]
pub struct TimeBudget {
    begin_until: Instant,
    work_until: Instant,
}

impl TimeBudget {
    /// Shares out the time from `now` to the invocation's `deadline`. There is none when it has passed.
    pub fn until(deadline: SystemTime, now: SystemTime) -> Self {
        let available = deadline.duration_since(now).unwrap_or(Duration::ZERO);
        Self::new(Instant::now(), available)
    }

    /// Shares out the `available` time, from `now` on.
    fn new(now: Instant, available: Duration) -> Self {
        Self {
            begin_until: now + available.mul_f64(BEGIN_SHARE),
            work_until: now + available.mul_f64(WORK_SHARE),
        }
    }

    /// Whether there is time to begin something at `now`.
    pub fn allows_to_begin(&self, now: Instant) -> bool {
        now < self.begin_until
    }

    /// When the last work is begun.
    pub fn begin_until(&self) -> Instant {
        self.begin_until
    }

    /// When whatever runs has to end.
    pub fn work_until(&self) -> Instant {
        self.work_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_begun_for_six_tenths_and_done_for_nine() {
        let now = Instant::now();
        let budget = TimeBudget::new(now, Duration::from_secs(10));

        assert_eq!(budget.work_until() - now, Duration::from_secs(9));
        assert!(budget.allows_to_begin(now + Duration::from_millis(5_999)));
        assert!(!budget.allows_to_begin(now + Duration::from_secs(6)));
    }

    #[test]
    fn no_time_allows_nothing() {
        let now = Instant::now();

        assert!(!TimeBudget::new(now, Duration::ZERO).allows_to_begin(now));
    }

    #[test]
    fn time_is_shared_out_up_to_the_deadline() {
        let now = SystemTime::UNIX_EPOCH;
        let budget = TimeBudget::until(now + Duration::from_secs(10), now);

        assert_eq!(
            budget.work_until() - budget.begin_until(),
            Duration::from_secs(3)
        );
    }

    #[test]
    fn deadline_that_has_passed_allows_nothing() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
        let budget = TimeBudget::until(SystemTime::UNIX_EPOCH, now);

        assert!(budget.begin_until() <= Instant::now());
    }
}
