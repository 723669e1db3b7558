//! What a run found, for people and for programs.

mod receipt;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use event_model::Pipeline;
use serde::Serialize;

use super::{
    compare::Comparison,
    erasure::ErasureResult,
    plan::{Fault, Plan, Site},
};

/// Ids that are named in a report, per kind and store; the number is always given.
const NAMED: usize = 20;

/// A store and what became of a pipeline's ids in it.
#[derive(Clone, Debug)]
pub(crate) struct StoreResult {
    pub(crate) pipeline: Pipeline,
    /// Such as `Postgres`.
    pub(crate) store: &'static str,
    pub(crate) comparison: Comparison,
}

/// How a run was disturbed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disturbances {
    /// Faults by call and kind, as they happened.
    pub(crate) injected: BTreeMap<(Site, Fault), u64>,
    /// The destination's own failures, by their names.
    pub(crate) of_destination: BTreeMap<String, u64>,
    /// Killed processes by function.
    pub(crate) kills: BTreeMap<String, u64>,
    /// Notifications that were sent again.
    pub(crate) notifications: u64,
    /// Runs of the compactor and of the forwarder.
    pub(crate) compactions: u64,
    pub(crate) forwarder_runs: u64,
    /// Faults and kills that were planned, and did not find a call until the end.
    pub(crate) unused: u64,
}

/// The senders' side of a run.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Deliveries {
    /// Requests, attempts included.
    pub(crate) attempts: u64,
    /// Deliveries that ended with an acknowledgement.
    pub(crate) acknowledged: u64,
    /// Attempts that did not, and were repeated or given up.
    pub(crate) failed_attempts: u64,
    /// Deliveries that were given up.
    pub(crate) given_up: u64,
}

/// The whole result.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) plan: &'a Plan,
    /// The version of the sources, if it is known.
    pub(crate) commit: Option<String>,
    pub(crate) stores: Vec<StoreResult>,
    /// See [`outcomes::outcomes`](super::outcomes::outcomes), for all pipelines.
    pub(crate) outcomes: Vec<String>,
    pub(crate) deliveries: Deliveries,
    pub(crate) disturbances: Disturbances,
    pub(crate) erasure: ErasureResult,
    /// Rejections of email events, by reason.
    pub(crate) rejections: BTreeMap<String, u64>,
    /// Messages in dead-letter queues, by queue.
    pub(crate) dead: BTreeMap<String, u64>,
    pub(crate) seconds: f64,
}

impl Report<'_> {
    /// Whether nothing acknowledged is missing, nothing is there twice, nothing that nobody sent, and nothing of the erased person.
    pub(crate) fn holds(&self) -> bool {
        self.stores.iter().all(|result| result.comparison.holds()) && self.erasure.holds()
    }

    fn fault_count(&self) -> u64 {
        let Disturbances {
            injected,
            of_destination,
            ..
        } = &self.disturbances;
        injected.values().sum::<u64>() + of_destination.values().sum::<u64>()
    }

    /// A kind is a way to fail at a service.
    fn kind_count(&self) -> usize {
        let Disturbances {
            injected,
            of_destination,
            ..
        } = &self.disturbances;
        let kinds: BTreeSet<(&str, Fault)> = injected
            .keys()
            .map(|(site, fault)| (site.service(), *fault))
            .collect();
        kinds.len() + of_destination.len()
    }

    /// The report for people.
    pub(crate) fn text(&self) -> String {
        let Disturbances {
            kills,
            notifications,
            compactions,
            forwarder_runs,
            unused,
            ..
        } = &self.disturbances;
        let Deliveries {
            attempts,
            acknowledged,
            failed_attempts,
            given_up,
        } = self.deliveries;
        let mut text = String::new();
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        line(format!(
            "{:<16}{:<14}{:>9}{:>14}{:>9}{:>6}{:>9}{:>12}{:>11}{:>12}",
            "pipeline",
            "store",
            "sent",
            "acknowledged",
            "stored",
            "lost",
            "doubled",
            "unexpected",
            "recovered",
            "duplicates"
        ));
        for result in &self.stores {
            let comparison = &result.comparison;
            line(format!(
                "{:<16}{:<14}{:>9}{:>14}{:>9}{:>6}{:>9}{:>12}{:>11}{:>12}",
                result.pipeline.name(),
                result.store,
                comparison.sent,
                comparison.acknowledged,
                comparison.stored,
                comparison.lost.len(),
                comparison.doubled.len(),
                comparison.unexpected.len(),
                comparison.recovered.len(),
                comparison.duplicates_removed
            ));
        }
        for result in &self.stores {
            for (what, ids) in wrong(&result.comparison) {
                line(format!(
                    "{} in {}, {what}: {}",
                    result.pipeline.name(),
                    result.store,
                    first_of(ids)
                ));
            }
        }
        for text in erasure_lines(&self.erasure) {
            line(text);
        }
        for (reason, count) in &self.rejections {
            line(format!("rejected {count}: {reason}"));
        }
        for (queue, count) in self.dead.iter().filter(|(_, count)| **count > 0) {
            line(format!(
                "{count} messages are in the dead-letter queue {queue}"
            ));
        }
        line(format!(
            "{attempts} requests: {acknowledged} acknowledged, {failed_attempts} failed and repeated, {given_up} given up"
        ));
        line(format!(
            "{} faults of {} kinds ({unused} more found no call), {} kills, {notifications} notifications repeated, \
             {compactions} runs of the compactor and {forwarder_runs} of the forwarder",
            self.fault_count(),
            self.kind_count(),
            kills.values().sum::<u64>(),
        ));
        line(format!(
            "seed {}, commit {}, {:.0} s, Merkle root {}",
            self.plan.seed,
            self.commit.as_deref().unwrap_or("unknown"),
            self.seconds,
            self.merkle_root()
        ));
        let totals = self.totals();
        let _infallible = write!(
            text,
            "{}: lost {}, doubled {}, unexpected {}",
            if self.holds() {
                "holds"
            } else {
                "DOES NOT HOLD"
            },
            totals[0],
            totals[1],
            totals[2]
        );
        text
    }

    fn totals(&self) -> [usize; 3] {
        let mut totals = [0; 3];
        for StoreResult { comparison, .. } in &self.stores {
            totals[0] += comparison.lost.len();
            totals[1] += comparison.doubled.len();
            totals[2] += comparison.unexpected.len();
        }
        totals
    }
}

/// What became of the person who was erased.
fn erasure_lines(erasure: &ErasureResult) -> Vec<String> {
    let ErasureResult {
        sent,
        sent_after_request,
        passes,
        erased,
        left_out,
        is_complete,
        searched,
        remains,
    } = erasure;
    let mut lines = vec![format!(
        "erasure of one person: {sent} events sent, {sent_after_request} of them after the request; {} items erased in {passes} passes, \
         {left_out} left out by the loader; {} in {searched} objects and rows",
        erased.values().sum::<u64>(),
        if remains.is_empty() {
            "nothing remains"
        } else {
            "IT REMAINS"
        },
    )];
    if !is_complete {
        lines.push("the eraser's receipt says that the person may remain".to_owned());
    }
    if !remains.is_empty() {
        lines.push(format!("of the person remains: {}", first_of(remains)));
    }
    lines
}

/// The lists that must be empty, except those that are.
fn wrong(comparison: &Comparison) -> impl Iterator<Item = (&'static str, &[String])> {
    let lists: [(&'static str, &[String]); 3] = [
        ("lost", &comparison.lost),
        ("doubled", &comparison.doubled),
        ("unexpected", &comparison.unexpected),
    ];
    lists.into_iter().filter(|(_, ids)| !ids.is_empty())
}

fn first_of(ids: &[String]) -> String {
    let named: Vec<&str> = ids.iter().take(NAMED).map(String::as_str).collect();
    let more = ids.len() - named.len();
    if more == 0 {
        named.join(", ")
    } else {
        format!("{} and {more} more", named.join(", "))
    }
}

#[cfg(test)]
mod tests;
