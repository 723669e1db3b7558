//! The outcome of a sent batch, as far as it is known.

use std::{
    fmt::Write as _,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use event_store::{BatchFate, DatabaseConfig, Store};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::progress::Step;

/// The pause between two queries of the database.
const PAUSE: Duration = Duration::from_millis(200);

/// The outcome of one body.
#[derive(Debug)]
pub(super) enum Fate {
    /// The webhook refused it, so the sender keeps it.
    Refused,
    /// Stored; its loading is not followed, for this reason.
    Accepted(&'static str),
    /// Stored and not loaded within the time to wait; loading continues.
    Waiting,
    Loaded(BatchFate),
}

impl Fate {
    fn name(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Accepted(_) => "accepted",
            Self::Waiting => "waiting",
            Self::Loaded(_) => "loaded",
        }
    }

    /// The text after the name of the file.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Refused => "refused".to_owned(),
            Self::Accepted(why) => format!("accepted; {why}"),
            Self::Waiting => {
                "accepted, and not loaded yet: `cistern status` shows the waiting messages"
                    .to_owned()
            }
            Self::Loaded(fate) => {
                let BatchFate {
                    received,
                    stored,
                    rejected,
                    reasons,
                } = fate;
                let mut text = format!(
                    "loaded: {received} received, {stored} stored, {} duplicate, {rejected} rejected",
                    fate.duplicates()
                );
                for (ordinal, reason) in reasons {
                    let _infallible = write!(text, "\n      event {ordinal}: {reason}");
                }
                text
            }
        }
    }

    /// The members of a line of JSON.
    pub(super) fn members(&self) -> Value {
        let fate = self.name();
        match self {
            Self::Refused | Self::Waiting => json!({ "fate": fate }),
            Self::Accepted(why) => json!({ "fate": fate, "note": why }),
            Self::Loaded(loaded) => {
                let rejections: Vec<_> = loaded
                    .reasons
                    .iter()
                    .map(|(ordinal, reason)| json!({ "event": ordinal, "reason": reason }))
                    .collect();
                json!({
                    "fate": fate,
                    "received": loaded.received,
                    "stored": loaded.stored,
                    "duplicate": loaded.duplicates(),
                    "rejected": loaded.rejected,
                    "rejections": rejections,
                })
            }
        }
    }
}

/// Follows a stored batch until it is loaded, or until `patience` is over.
pub(super) async fn follow(store: &Store, batch: &str, patience: Duration) -> Result<Fate> {
    let step = Step::start("loading");
    let deadline = Instant::now() + patience;
    loop {
        let fate = store
            .fate_of(batch)
            .await
            .context("querying the database")?;
        if let Some(fate) = fate {
            step.done(format!("batch {batch}"));
            return Ok(Fate::Loaded(fate));
        }
        if Instant::now() >= deadline {
            return Ok(Fate::Waiting);
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
pub(super) fn exit_code<'a>(fates: impl Iterator<Item = &'a Fate>) -> ExitCode {
    let codes = fates.map(|fate| match fate {
        Fate::Refused => 1,
        Fate::Loaded(fate) if fate.rejected > 0 => 3,
        Fate::Waiting => 4,
        Fate::Loaded(_) | Fate::Accepted(_) => 0,
    });
    ExitCode::from(codes.filter(|code| *code != 0).min().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(rejected: u32) -> Fate {
        Fate::Loaded(BatchFate {
            received: 5,
            stored: 1,
            rejected,
            reasons: vec![(2, "timestamp: is missing".to_owned())],
        })
    }

    #[test]
    fn whole_fate_is_told_to_people_and_to_programs() {
        assert_eq!(
            loaded(1).text(),
            "loaded: 5 received, 1 stored, 3 duplicate, 1 rejected\n      event 2: timestamp: is missing"
        );
        assert_eq!(
            loaded(1).members(),
            json!({
                "fate": "loaded", "received": 5, "stored": 1, "duplicate": 3, "rejected": 1,
                "rejections": [{"event": 2, "reason": "timestamp: is missing"}],
            })
        );
    }

    #[test]
    fn exit_code_is_that_of_the_worst() {
        let code = |fates: &[Fate]| exit_code(fates.iter());

        assert_eq!(code(&[]), ExitCode::from(0));
        assert_eq!(code(&[loaded(0), Fate::Accepted("")]), ExitCode::from(0));
        assert_eq!(code(&[loaded(0), Fate::Waiting]), ExitCode::from(4));
        assert_eq!(code(&[Fate::Waiting, loaded(1)]), ExitCode::from(3));
        assert_eq!(code(&[loaded(1), Fate::Refused]), ExitCode::from(1));
    }
}
