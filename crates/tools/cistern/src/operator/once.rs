//! Which results of overlapping searches are new.
//!
//! Events and log lines arrive out of order: a batch is loaded seconds to minutes after its events happened. So each search goes back
//! by an overlap, and what it finds is printed when it is found for the first time.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

/// Enough of a hash that two events never share it.
type Fingerprint = [u8; 16];

/// What was printed, as far back as a search may still find it.
#[derive(Debug, Default)]
pub(crate) struct Once {
    /// By time, so that what is too old to be found can be forgotten: memory holds one window.
    printed: BTreeSet<(String, Fingerprint)>,
}

impl Once {
    /// Whether something is found for the first time. `timestamp` is in a form whose order is that of time, and `content` is all that
    /// distinguishes it: the API returns a stored event always in the same words.
    pub(crate) fn is_new(&mut self, timestamp: &str, content: &str) -> bool {
        let digest = Sha256::digest(content.as_bytes());
        let mut fingerprint = Fingerprint::default();
        fingerprint.copy_from_slice(&digest[..size_of::<Fingerprint>()]);
        self.printed.insert((timestamp.to_owned(), fingerprint))
    }

    /// Forgets what sorts before `bound`. No later search may find it.
    pub(crate) fn forget_before(&mut self, bound: &str) {
        self.printed = self
            .printed
            .split_off(&(bound.to_owned(), Fingerprint::default()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An event happens and is loaded some time later; times are in seconds.
    #[derive(Clone, Debug)]
    struct Loaded {
        at: u32,
        found_from: u32,
    }

    fn timestamp(seconds: u32) -> String {
        format!("2026-01-01T{seconds:06}.000Z")
    }

    proptest! {
        #[test]
        fn each_event_is_printed_once_and_only_those_beyond_the_overlap_are_missed(
            events in proptest::collection::vec((0_u32..600, 0_u32..120), 0..60),
            pauses in proptest::collection::vec(1_u32..20, 0..80),
            overlap in 0_u32..100,
        ) {
            let events: Vec<Loaded> = events
                .into_iter()
                .map(|(at, delay)| Loaded { at, found_from: at + delay })
                .collect();
            let mut once = Once::default();
            let mut printed = vec![0; events.len()];
            let (mut now, mut longest_pause) = (0, 0);
            for pause in pauses {
                now += pause;
                longest_pause = longest_pause.max(pause);
                let from = now.saturating_sub(overlap);
                for (index, event) in events.iter().enumerate() {
                    let is_found = event.at >= from && event.found_from <= now;
                    if is_found && once.is_new(&timestamp(event.at), &index.to_string()) {
                        printed[index] += 1;
                    }
                }
                once.forget_before(&timestamp(from));
                prop_assert!(once.printed.iter().all(|(at, _)| *at >= timestamp(from)));
            }
            for (event, count) in events.iter().zip(printed) {
                let must_be_found = event.found_from <= now.saturating_sub(longest_pause)
                    && event.found_from - event.at + longest_pause <= overlap;
                prop_assert!(count <= 1, "{event:?} was printed {count} times");
                prop_assert!(count == 1 || !must_be_found, "{event:?} was not printed");
            }
        }
    }

    #[test]
    fn two_events_of_one_moment_are_two() {
        let mut once = Once::default();

        assert!(once.is_new("2026-01-01T00:00:00.000Z", "one"));
        assert!(once.is_new("2026-01-01T00:00:00.000Z", "other"));
        assert!(!once.is_new("2026-01-01T00:00:00.000Z", "one"));
    }
}
