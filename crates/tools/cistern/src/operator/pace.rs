//! A rate that is not exceeded, however fast the other side is.

use std::{num::NonZeroU32, time::Duration};

use tokio::time::{Instant, sleep_until};

/// Spreads items evenly over time, counted from the start: a pause is made up for.
#[derive(Debug)]
pub(crate) struct Pace {
    started: Instant,
    /// Items per second; `None` is without a limit.
    rate: Option<NonZeroU32>,
    count: u64,
}

impl Pace {
    /// Starts now.
    pub(crate) fn new(rate: Option<NonZeroU32>) -> Self {
        Self {
            started: Instant::now(),
            rate,
            count: 0,
        }
    }

    /// Waits until the next item is due, and counts `count` of them.
    pub(crate) async fn turn(&mut self, count: u64) {
        if let Some(rate) = self.rate {
            sleep_until(self.started + due(self.count, rate)).await;
        }
        self.count += count;
    }
}

/// When the item with this number is due, counted from the start.
fn due(item: u64, rate: NonZeroU32) -> Duration {
    Duration::from_millis(item.saturating_mul(1000) / u64::from(rate.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_spreads_items_evenly() {
        let rate = NonZeroU32::new(2000).unwrap();

        assert_eq!(due(0, rate), Duration::ZERO);
        assert_eq!(due(5000, rate), Duration::from_millis(2500));
    }

    #[tokio::test(start_paused = true)]
    async fn turns_take_the_time_of_their_items_and_none_without_a_rate() {
        let started = Instant::now();
        let mut pace = Pace::new(NonZeroU32::new(10));
        for _ in 0..4 {
            pace.turn(5).await;
        }
        assert_eq!(started.elapsed(), Duration::from_millis(1_500));

        let started = Instant::now();
        let mut pace = Pace::new(None);
        for _ in 0..4 {
            pace.turn(1_000_000).await;
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}
