//! A leaky bucket, like Iterable's limits.

use std::time::Instant;

/// How full the bucket is.
#[derive(Debug)]
pub(crate) struct Pace {
    level: f64,
    at: Instant,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            level: 0.0,
            at: now,
        }
    }

    /// Whether a request fits into a bucket that holds, and leaks per second, the given number; 0 accepts any number.
    pub(crate) fn takes(&mut self, per_second: u32, now: Instant) -> bool {
        if per_second == 0 {
            return true;
        }
        let rate = f64::from(per_second);
        let leaked = now.saturating_duration_since(self.at).as_secs_f64() * rate;
        self.level = (self.level - leaked).max(0.0);
        self.at = now;
        if self.level + 1.0 > rate {
            return false;
        }
        self.level += 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn bucket_takes_a_seconds_worth_at_once_and_then_the_rate() {
        let start = Instant::now();
        let mut pace = Pace::new(start);

        let at_once = (0..20).filter(|_| pace.takes(10, start)).count();
        let after = (1..=20)
            .filter(|n| pace.takes(10, start + Duration::from_millis(100 * n)))
            .count();
        let faster = (1..=40)
            .filter(|n| pace.takes(10, start + Duration::from_millis(2_000 + 50 * n)))
            .count();

        assert_eq!((at_once, after), (10, 20));
        assert!((19..=21).contains(&faster), "{faster}");
    }
}
