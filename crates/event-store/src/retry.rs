//! How long to wait before an operation is tried again.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The pause after failed attempt number `attempt`, counted from 0.
///
/// The first is none at all: what fails first is mostly a kept connection that died while nobody looked. From then on
/// pauses double up to two seconds, each shortened at random by up to a half, so that functions that lost the same
/// database do not all come back in the same instant.
pub(crate) fn pause_after(attempt: u32, random: u32) -> Duration {
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
pub(crate) fn random_bits() -> u32 {
    // Each RandomState has keys of its own.
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
