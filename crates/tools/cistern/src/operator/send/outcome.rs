//! The outcome of a sent batch, as far as it is known.

use std::{
    fmt::Write as _,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use event_store::{BatchResult, DatabaseConfig, Store};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{plural::counted, progress::Step};

/// The pause between two queries of the database.
const PAUSE: Duration = Duration::from_millis(200);

/// The outcome of one body.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The webhook refused it, for this reason, so the sender keeps it.
    Refused(String),
    /// Stored; its loading is not followed, for this reason.
    Accepted(String),
    /// Stored and not loaded within the time to wait; loading continues.
    Waiting,
    Loaded(BatchResult),
}

impl Outcome {
    fn name(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Accepted(_) => "accepted",
            Self::Waiting => "waiting",
            Self::Loaded(_) => "loaded",
        }
    }

    /// The text after the name of the file. `suffix` is appended to commands, so that they mean the same stack.
    pub(super) fn text(&self, suffix: &str) -> String {
        match self {
            Self::Refused(why) => format!("refused: {why}"),
            Self::Accepted(why) => format!("accepted; {why}"),
            Self::Waiting => {
                format!(
                    "accepted, and not loaded yet: `cistern status{suffix}` shows the waiting messages"
                )
            }
            Self::Loaded(outcome) => {
                let BatchResult {
                    received,
                    stored,
                    rejected,
                    erased,
                    reasons,
                } = outcome;
                let mut text = format!(
                    "loaded: {} = {stored} stored + {} duplicate + {rejected} rejected",
                    counted(*received, "event"),
                    outcome.duplicates()
                );
                if *erased > 0 {
                    let _infallible = write!(text, " + {erased} erased");
                }
                for (ordinal, reason) in reasons {
                    let _infallible = write!(text, "\n      event {ordinal}: {reason}");
                }
                text
            }
        }
    }

    /// The members of a line of JSON.
    pub(super) fn members(&self) -> Value {
        let outcome = self.name();
        match self {
            Self::Waiting => json!({ "outcome": outcome }),
            Self::Refused(why) => json!({ "outcome": outcome, "error": why }),
            Self::Accepted(why) => json!({ "outcome": outcome, "note": why }),
            Self::Loaded(loaded) => {
                let rejections: Vec<_> = loaded
                    .reasons
                    .iter()
                    .map(|(ordinal, reason)| json!({ "event": ordinal, "reason": reason }))
                    .collect();
                json!({
                    "outcome": outcome,
                    "received": loaded.received,
                    "stored": loaded.stored,
                    "duplicate": loaded.duplicates(),
                    "rejected": loaded.rejected,
                    "erased": loaded.erased,
                    "rejections": rejections,
                })
            }
        }
    }
}

/// Follows a stored batch until it is loaded, or until `time_limit` is over.
pub(super) async fn follow(store: &Store, batch: &str, time_limit: Duration) -> Result<Outcome> {
    let step = Step::start("loading");
    let deadline = Instant::now() + time_limit;
    loop {
        let outcome = store
            .batch_result(batch)
            .await
            .context("querying the database")?;
        if let Some(outcome) = outcome {
            step.done(format!("batch {batch}"));
            return Ok(Outcome::Loaded(outcome));
        }
        if Instant::now() >= deadline {
            return Ok(Outcome::Waiting);
        }
        step.note(format!("batch {batch}"));
        sleep(PAUSE).await;
    }
}

/// The database of a local stack.
pub(super) fn database(url: &str) -> Result<Store> {
    let config = DatabaseConfig::new(url.to_owned().into(), "cistern send");
    Store::connect_lazy(&config).context("in the URL of the stack's database")
}

/// 0 if everything is loaded, as far as it was checked, else the worst: 1 refused, 3 partly rejected, 4 not loaded yet.
pub(super) fn exit_code<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> ExitCode {
    let codes = outcomes.map(|outcome| match outcome {
        Outcome::Refused(_) => 1,
        Outcome::Loaded(outcome) if outcome.rejected > 0 => 3,
        Outcome::Waiting => 4,
        Outcome::Loaded(_) | Outcome::Accepted(_) => 0,
    });
    ExitCode::from(codes.filter(|code| *code != 0).min().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(rejected: u32) -> Outcome {
        Outcome::Loaded(BatchResult {
            received: 5,
            stored: 1,
            rejected,
            erased: 0,
            reasons: vec![(2, "timestamp: is missing".to_owned())],
        })
    }

    #[test]
    fn outcome_is_reported_as_text_and_as_json() {
        assert_eq!(
            loaded(1).text(""),
            "loaded: 5 events = 1 stored + 3 duplicate + 1 rejected\n      event 2: timestamp: is missing"
        );
        assert_eq!(
            loaded(1).members(),
            json!({
                "outcome": "loaded", "received": 5, "stored": 1, "duplicate": 3, "rejected": 1, "erased": 0,
                "rejections": [{"event": 2, "reason": "timestamp: is missing"}],
            })
        );
    }

    #[test]
    fn exit_code_is_that_of_the_worst() {
        let code = |outcomes: &[Outcome]| exit_code(outcomes.iter());

        assert_eq!(code(&[]), ExitCode::from(0));
        assert_eq!(
            code(&[loaded(0), Outcome::Accepted(String::new())]),
            ExitCode::from(0)
        );
        assert_eq!(code(&[loaded(0), Outcome::Waiting]), ExitCode::from(4));
        assert_eq!(code(&[Outcome::Waiting, loaded(1)]), ExitCode::from(3));
        assert_eq!(
            code(&[loaded(1), Outcome::Refused(String::new())]),
            ExitCode::from(1)
        );
    }
}
