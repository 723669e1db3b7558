//! The deadlines inside one invocation.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// How the time of an invocation is divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// After this share of the time no new work is started.
    pub start: f64,
    /// After this share running work is cancelled. The rest is for reporting it.
    pub work: f64,
}

impl Shares {
    /// For objects, of which each may take minutes.
    const OBJECTS: Self = Self {
        start: 0.6,
        work: 0.9,
    };
}

/// The two deadlines of an invocation.
#[derive(Clone, Copy, Debug)]
pub struct TimeBudget {
    start_until: Instant,
    work_until: Instant,
}

impl TimeBudget {
    /// Divides the time from `now` to the invocation's `deadline`. A deadline in the past leaves no time.
    pub fn until(deadline: SystemTime, now: SystemTime) -> Self {
        let available = deadline.duration_since(now).unwrap_or(Duration::ZERO);
        Self::new(Instant::now(), available, Shares::OBJECTS)
    }

    /// Divides the `available` time, from `now` on.
    pub fn new(now: Instant, available: Duration, shares: Shares) -> Self {
        Self {
            start_until: now + available.mul_f64(shares.start),
            work_until: now + available.mul_f64(shares.work),
        }
    }

    /// Whether new work may start at `now`.
    pub fn allows_start(&self, now: Instant) -> bool {
        now < self.start_until
    }

    /// No new work starts from this moment on.
    pub fn start_until(&self) -> Instant {
        self.start_until
    }

    /// Running work is cancelled at this moment.
    pub fn work_until(&self) -> Instant {
        self.work_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_starts_for_six_tenths_and_runs_for_nine() {
        let now = Instant::now();
        let budget = TimeBudget::new(now, Duration::from_secs(10), Shares::OBJECTS);

        assert_eq!(budget.work_until() - now, Duration::from_secs(9));
        assert!(budget.allows_start(now + Duration::from_millis(5_999)));
        assert!(!budget.allows_start(now + Duration::from_secs(6)));
    }

    #[test]
    fn no_time_allows_nothing() {
        let now = Instant::now();

        assert!(!TimeBudget::new(now, Duration::ZERO, Shares::OBJECTS).allows_start(now));
    }

    #[test]
    fn time_is_divided_up_to_the_deadline() {
        let now = SystemTime::UNIX_EPOCH;
        let budget = TimeBudget::until(now + Duration::from_secs(10), now);

        assert_eq!(
            budget.work_until() - budget.start_until(),
            Duration::from_secs(3)
        );
    }

    #[test]
    fn deadline_that_has_passed_allows_nothing() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
        let budget = TimeBudget::until(SystemTime::UNIX_EPOCH, now);

        assert!(budget.start_until() <= Instant::now());
    }
}
