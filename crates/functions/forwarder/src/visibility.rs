//! Visibility timeouts: while a run holds a message, and after it is released. Pure.
//!
//! SQS counts every receive, and moves a message to the dead-letter queue at `maxReceiveCount`, whatever the reason. So
//! a message that only waits must not be received often. A run receives nothing while the destination fails, and the messages
//! that it holds then become visible again after 1 minute, 2, 4 and so on up to an hour, by the number of their receives. In the
//! longest retention of SQS, 14 days, that is less than 350 receives however often runs are scheduled, far below the queue's
//! `maxReceiveCount` of 1,000.

use std::time::Duration;

/// The visibility timeouts of released messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisibilityBackoff {
    /// After the first receive without a result. Each further one doubles it.
    pub first: Duration,
    /// The longest of these.
    pub longest: Duration,
    /// The minimum for events whose user is being created: Iterable creates users asynchronously and advises a minute before
    /// requests that need them.
    pub for_new_user: Duration,
    /// How long a message stays invisible after the run, in case the run is interrupted.
    pub past_the_run: Duration,
}

impl Default for VisibilityBackoff {
    fn default() -> Self {
        Self::starting_with(Duration::from_mins(1))
    }
}

/// Why a message is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReleaseReason {
    /// The run's time was used up: the next run can continue immediately.
    OutOfTime,
    /// The destination, or another dependency of the run, fails.
    Failure,
    /// The destination does not know the user yet.
    UnknownUser,
}

impl VisibilityBackoff {
    /// Starts with `first`, and goes up to sixty times as long.
    pub fn starting_with(first: Duration) -> Self {
        Self {
            first,
            longest: first * 60,
            for_new_user: Duration::from_mins(2),
            past_the_run: first,
        }
    }

    /// The visibility timeout of a message that is released after this many receives.
    pub(crate) fn visibility_timeout(&self, why: ReleaseReason, receive_count: u32) -> Duration {
        let backed_off = self
            .first
            .saturating_mul(1 << receive_count.saturating_sub(1).min(12))
            .min(self.longest);
        match why {
            ReleaseReason::OutOfTime => Duration::ZERO,
            ReleaseReason::Failure => backed_off,
            ReleaseReason::UnknownUser => backed_off.max(self.for_new_user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_14_days_takes_far_less_receives_than_a_queue_allows() {
        for (first_s, most) in [(60, 350), (30, 700)] {
            let visibility = VisibilityBackoff::starting_with(Duration::from_secs(first_s));
            let mut waited = Duration::ZERO;
            let mut receives = 0;

            while waited < Duration::from_hours(14 * 24) {
                receives += 1;
                waited += visibility.visibility_timeout(ReleaseReason::Failure, receives);
            }

            assert!(receives < most, "{first_s} s: {receives}");
        }
    }

    #[test]
    fn running_out_of_time_hides_nothing_and_an_unknown_user_two_minutes() {
        let visibility = VisibilityBackoff::default();

        assert_eq!(
            visibility.visibility_timeout(ReleaseReason::OutOfTime, 500),
            Duration::ZERO
        );
        assert_eq!(
            visibility.visibility_timeout(ReleaseReason::UnknownUser, 1),
            Duration::from_mins(2)
        );
        assert_eq!(
            visibility.visibility_timeout(ReleaseReason::Failure, u32::MAX),
            Duration::from_hours(1)
        );
    }
}
