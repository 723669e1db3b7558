//! How a command that follows something outlives failures: a stack that is deployed, a throttled request.

use std::time::Duration;

use anyhow::{Error, Result};
use tokio::time::sleep;

use crate::table::printable_lines;

/// Failures one after the other, from which on nothing will help.
const MAX_FAILURES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The failures since the last success.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// A command that never succeeded has a wrong key or name, which waiting does not change.
    has_succeeded: bool,
    failures: u32,
}

impl Patience {
    pub(crate) fn succeeded(&mut self) {
        self.has_succeeded = true;
        self.failures = 0;
    }

    /// Says what failed, and waits until it may be tried again.
    ///
    /// # Errors
    /// The failure itself, if it is the first attempt or one too many.
    pub(crate) async fn wait(&mut self, error: Error) -> Result<()> {
        let Some(pause) = self.pause() else {
            return Err(error);
        };
        let why = printable_lines(&format!("{error:#}"));
        eprintln!("note: {why}; trying again in {} s", pause.as_secs());
        sleep(pause).await;
        Ok(())
    }

    /// How long to wait after one more failure; `None` to give up.
    fn pause(&mut self) -> Option<Duration> {
        if !self.has_succeeded || self.failures >= MAX_FAILURES {
            return None;
        }
        let pause = FIRST_PAUSE * 2_u32.pow(self.failures);
        self.failures += 1;
        Some(pause.min(LONGEST_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_outlived_after_a_success_and_not_for_ever() {
        let mut patience = Patience::default();
        assert!(patience.wait(anyhow!("no key")).await.is_err());

        for _ in 0..3 {
            patience.succeeded();
            for _ in 0..MAX_FAILURES {
                patience.wait(anyhow!("503")).await.unwrap();
            }
        }

        let error = patience.wait(anyhow!("503")).await.unwrap_err();
        assert_eq!(error.to_string(), "503");
    }

    #[test]
    fn pauses_grow_to_the_longest() {
        let mut patience = Patience::default();
        patience.succeeded();

        let pauses: Vec<u64> = std::iter::from_fn(|| patience.pause())
            .map(|pause| pause.as_secs())
            .collect();

        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
    }
}
