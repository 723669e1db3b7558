//! How long to wait before a request is sent again.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// Random numbers that need not be good ones, the same for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, from 0 to below 1 (`SplitMix64`).
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits are what a double holds"
    )]
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The wait after the `failures`-th failure of a request in a row: twice as long each time, between half of it and all of
/// it by chance, so that many senders do not come back at once. Never shorter than the destination asks for.
pub(crate) fn delay(failures: u32, retry_after: Option<Duration>, jitter: &mut Jitter) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let own = doubled.min(LONGEST).mul_f64(0.5 + jitter.next() / 2.0);
    retry_after.map_or(own, |asked| asked.max(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute() {
        let mut jitter = Jitter::new(7);

        for (failures, longest_s) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (40, 60)] {
            let longest = Duration::from_secs(longest_s);
            for _ in 0..100 {
                let wait = delay(failures, None, &mut jitter);
                assert!(
                    wait >= longest / 2 && wait <= longest,
                    "{failures}: {wait:?}"
                );
            }
        }
    }

    #[test]
    fn destination_may_ask_for_more_and_not_for_less() {
        let mut jitter = Jitter::new(7);

        assert_eq!(
            delay(1, Some(Duration::from_secs(90)), &mut jitter),
            Duration::from_secs(90)
        );
        assert!(delay(7, Some(Duration::ZERO), &mut jitter) >= Duration::from_secs(30));
    }
}
