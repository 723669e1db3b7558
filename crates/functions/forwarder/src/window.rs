//! How the time of one run is spent.

use std::time::Duration;

use tokio::time::Instant;

/// After this share of the time no more messages are taken.
const RECEIVE_SHARE: f64 = 0.8;
/// After this share no more requests are sent.
const SEND_SHARE: f64 = 0.88;
/// After this share no answers are waited for. What is left is for deleting and giving back messages.
const ANSWER_SHARE: f64 = 0.94;
/// A request that could not be waited for at least this long is not sent.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);
/// The moments that matter in a run.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    receive_until: Instant,
    send_until: Instant,
    answer_until: Instant,
    end: Instant,
}

impl Window {
    /// Shares out the `available` time, from `now` on.
    pub fn new(now: Instant, available: Duration) -> Self {
        Self {
            receive_until: now + available.mul_f64(RECEIVE_SHARE),
            send_until: now + available.mul_f64(SEND_SHARE),
            answer_until: now + available.mul_f64(ANSWER_SHARE),
            end: now + available,
        }
    }

    pub(crate) fn allows_to_receive(&self, now: Instant) -> bool {
        now < self.receive_until
    }

    pub(crate) fn allows_to_send(&self, at: Instant) -> bool {
        at < self.send_until
    }

    /// How long the answer to a request that is sent now can be waited for.
    pub(crate) fn time_for_answer(&self, now: Instant) -> Duration {
        self.answer_until
            .saturating_duration_since(now)
            .max(SHORTEST_WAIT)
    }

    /// When everything has to be over.
    pub(crate) fn end(&self) -> Instant {
        self.end
    }

    /// How long a message that is received now must not be given to another run: nobody else may work on it before this
    /// run is certainly over, and `past_the_run` more. Rounded up to whole seconds, as SQS counts.
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
        let window = Window::new(now, Duration::from_mins(15));
        let after = |seconds| now + Duration::from_secs(seconds);

        assert!(window.allows_to_receive(after(719)) && !window.allows_to_receive(after(721)));
        assert!(window.allows_to_send(after(791)) && !window.allows_to_send(after(793)));
        assert_eq!(window.time_for_answer(after(786)).as_secs(), 60);
        assert_eq!(window.time_for_answer(after(890)), SHORTEST_WAIT);
    }

    #[test]
    fn messages_stay_hidden_past_the_end_of_the_run() {
        let now = Instant::now();
        let window = Window::new(now, Duration::from_mins(15));

        let visibility_s = |later| {
            let at = now + Duration::from_secs(later);
            window.visibility(at, Duration::from_mins(1)).as_secs()
        };

        assert_eq!(visibility_s(0), 961);
        assert_eq!(visibility_s(899), 62);
    }
}
