//! The deadlines of one run.

use std::time::Duration;

use object_worker::{Shares, TimeBudget};
use tokio::time::Instant;

/// No more messages are received after the first share, and no response is awaited after the second. The rest of the time is for
/// deleting and releasing messages.
const SHARES: Shares = Shares {
    start: 0.8,
    work: 0.94,
};
/// After this share of the time no more requests are sent.
const SEND_SHARE: f64 = 0.88;
/// A request whose response could not be awaited for at least this long is not sent.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// The deadlines of a run.
#[derive(Clone, Copy, Debug)]
pub struct RunDeadlines {
    budget: TimeBudget,
    send_until: Instant,
    end: Instant,
}

impl RunDeadlines {
    /// Divides the `available` time, from `now` on.
    pub fn new(now: Instant, available: Duration) -> Self {
        Self {
            budget: TimeBudget::new(now, available, SHARES),
            send_until: now + available.mul_f64(SEND_SHARE),
            end: now + available,
        }
    }

    pub(crate) fn allows_to_receive(&self, now: Instant) -> bool {
        self.budget.allows_start(now)
    }

    pub(crate) fn allows_to_send(&self, at: Instant) -> bool {
        at < self.send_until
    }

    /// The time limit of a request that is sent now.
    pub(crate) fn time_for_response(&self, now: Instant) -> Duration {
        self.budget
            .work_until()
            .saturating_duration_since(now)
            .max(SHORTEST_WAIT)
    }

    /// The end of the run.
    pub(crate) fn end(&self) -> Instant {
        self.end
    }

    /// The visibility timeout of a message that is received now: no other run may receive it before this run is certainly over,
    /// and for `past_the_run` more. Rounded up to whole seconds, the unit of SQS.
    pub(crate) fn visibility(&self, now: Instant, past_the_run: Duration) -> Duration {
        let left = self.end.saturating_duration_since(now) + past_the_run;
        Duration::from_secs(left.as_secs() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_ends_step_by_step() {
        let now = Instant::now();
        let deadlines = RunDeadlines::new(now, Duration::from_mins(15));
        let after = |seconds| now + Duration::from_secs(seconds);

        assert!(
            deadlines.allows_to_receive(after(719)) && !deadlines.allows_to_receive(after(721))
        );
        assert!(deadlines.allows_to_send(after(791)) && !deadlines.allows_to_send(after(793)));
        assert_eq!(deadlines.time_for_response(after(786)).as_secs(), 60);
        assert_eq!(deadlines.time_for_response(after(890)), SHORTEST_WAIT);
    }

    #[test]
    fn messages_stay_hidden_past_the_end_of_the_run() {
        let now = Instant::now();
        let deadlines = RunDeadlines::new(now, Duration::from_mins(15));

        let visibility_s = |later| {
            let at = now + Duration::from_secs(later);
            deadlines.visibility(at, Duration::from_mins(1)).as_secs()
        };

        assert_eq!(visibility_s(0), 961);
        assert_eq!(visibility_s(899), 62);
    }
}
