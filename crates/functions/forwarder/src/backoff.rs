//! The waits before a request is repeated.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// The waits after the failures of one request: they double from a second up to a minute, and each is shortened at
/// random by up to a half, so that many senders do not return at once. The same seed gives the same waits.
pub(crate) fn waits(seed: u64) -> impl Iterator<Item = Duration> {
    // The builder lengthens each wait by up to its own length.
    ExponentialBuilder::new()
        .with_factor(2.0)
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(30))
        .without_max_times()
        .with_jitter()
        .with_jitter_seed(seed)
        .build()
}

/// The wait that a destination requests, unless ours is longer.
pub(crate) fn at_least(retry_after: Option<Duration>, wait: Duration) -> Duration {
    retry_after.map_or(wait, |requested| requested.max(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute() {
        let longest_s = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
            .into_iter()
            .chain([60.0; 40]);

        for seed in 0..100 {
            for (wait, longest_s) in waits(seed).zip(longest_s.clone()) {
                let share = wait.as_secs_f64() / longest_s;
                assert!((0.499..=1.001).contains(&share), "{longest_s}: {wait:?}");
            }
        }
        assert_ne!(waits(1).next(), waits(2).next());
    }

    #[test]
    fn destination_may_request_a_longer_wait_and_not_a_shorter_one() {
        let second = Duration::from_secs(1);

        assert_eq!(at_least(Some(90 * second), second), 90 * second);
        assert_eq!(at_least(Some(Duration::ZERO), second), second);
        assert_eq!(at_least(None, second), second);
    }
}
