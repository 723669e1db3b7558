//! What is answered.

use event_model::rejected::{MarkStatus, RejectedId};
use serde::Serialize;

/// What became of each item.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    pub(crate) dry_run: bool,
    /// How many items were, or would be, marked.
    pub(crate) done: usize,
    /// How many cannot be sent again.
    pub(crate) impossible: usize,
    pub(crate) results: Vec<Outcome>,
}

/// What became of one item. Members without a value are null.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) id: String,
    /// `retried` or `settled`; null when it stays as it was.
    pub(crate) status: Option<&'static str>,
    /// The key of the raw object that it is in now, or `forward_queue`.
    pub(crate) retried_as: Option<String>,
    /// Why it cannot be sent again.
    pub(crate) problem: Option<String>,
}

impl Answer {
    pub(crate) fn of(dry_run: bool, results: Vec<Outcome>) -> Self {
        let impossible = results
            .iter()
            .filter(|outcome| outcome.problem.is_some())
            .count();
        Self {
            dry_run,
            done: results.len() - impossible,
            impossible,
            results,
        }
    }
}

impl Outcome {
    pub(crate) fn done(id: &RejectedId, status: MarkStatus, retried_as: Option<String>) -> Self {
        Self {
            id: id.to_string(),
            status: Some(status.name()),
            retried_as,
            problem: None,
        }
    }

    pub(crate) fn impossible(id: &RejectedId, problem: String) -> Self {
        Self {
            id: id.to_string(),
            status: None,
            retried_as: None,
            problem: Some(problem),
        }
    }
}
