//! How long a message stays hidden from other runs: while a run holds it, and once it is given back. Pure.
//!
//! SQS counts every receive, and moves a message to the dead-letter queue at `maxReceiveCount`, whatever the reason. So
//! no message may be received often for merely waiting. A run takes no messages while the destination fails, and what it
//! holds then comes back after 1 minute, 2, 4 and so on up to an hour, by the number of its receives. In the longest life
//! that SQS gives a message, 14 days, that is less than 350 receives however often runs are scheduled, which the
//! queue's `maxReceiveCount` of 1,000 leaves far away.

use std::time::Duration;

/// The times for which messages are hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hiding {
    /// After the first receive that came to nothing. Each further one doubles it.
    pub first: Duration,
    /// The longest of these.
    pub longest: Duration,
    /// The least for events whose user is being made: Iterable makes users asynchronously and advises a minute before
    /// requests that need them.
    pub for_new_user: Duration,
    /// How much longer than the run a message stays with it, should the run be cut off.
    pub past_the_run: Duration,
}

impl Default for Hiding {
    fn default() -> Self {
        Self::starting_with(Duration::from_mins(1))
    }
}

/// Why a message is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GivenBack {
    /// The run ran out of time: the next one can go on at once.
    OutOfTime,
    /// The destination, or something on the way there, fails.
    Trouble,
    /// The destination does not know the user yet.
    UnknownUser,
}

impl Hiding {
    /// Hides messages for `first` at first, and up to sixty times as long.
    pub fn starting_with(first: Duration) -> Self {
        Self {
            first,
            longest: first * 60,
            for_new_user: Duration::from_mins(2),
            past_the_run: first,
        }
    }

    /// How long a message that was received so often stays hidden once it is given back.
    pub(crate) fn hidden_for(&self, why: GivenBack, receive_count: u32) -> Duration {
        let backed_off = self
            .first
            .saturating_mul(1 << receive_count.saturating_sub(1).min(12))
            .min(self.longest);
        match why {
            GivenBack::OutOfTime => Duration::ZERO,
            GivenBack::Trouble => backed_off,
            GivenBack::UnknownUser => backed_off.max(self.for_new_user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_14_days_takes_far_less_receives_than_a_queue_allows() {
        for (first_s, most) in [(60, 350), (30, 700)] {
            let hiding = Hiding::starting_with(Duration::from_secs(first_s));
            let mut waited = Duration::ZERO;
            let mut receives = 0;

            while waited < Duration::from_hours(14 * 24) {
                receives += 1;
                waited += hiding.hidden_for(GivenBack::Trouble, receives);
            }

            assert!(receives < most, "{first_s} s: {receives}");
        }
    }

    #[test]
    fn running_out_of_time_hides_nothing_and_an_unknown_user_two_minutes() {
        let hiding = Hiding::default();

        assert_eq!(hiding.hidden_for(GivenBack::OutOfTime, 500), Duration::ZERO);
        assert_eq!(
            hiding.hidden_for(GivenBack::UnknownUser, 1),
            Duration::from_mins(2)
        );
        assert_eq!(
            hiding.hidden_for(GivenBack::Trouble, u32::MAX),
            Duration::from_hours(1)
        );
    }
}
