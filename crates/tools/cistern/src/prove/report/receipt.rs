//! The receipt: a document with which somebody else can check a run.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Deliveries, Report, StoreResult};
use crate::prove::{erasure::ErasureResult, merkle, outcomes::is_usual, plan::Sizes};

/// A receipt: what was proven, so that somebody else can check it.
#[derive(Debug, Serialize)]
pub(crate) struct Receipt {
    /// The form of this document.
    form: &'static str,
    seed: u64,
    commit: Option<String>,
    holds: bool,
    email_events: u64,
    app_events: u64,
    product_events: u64,
    faults: u64,
    kinds_of_faults: usize,
    kills: u64,
    notifications_repeated: u64,
    compactor_runs: u64,
    forwarder_runs: u64,
    seconds: f64,
    deliveries: Deliveries,
    erasure: ErasureResult,
    stores: Vec<ReceiptStore>,
    rejections: BTreeMap<String, u64>,
    dead_letters: BTreeMap<String, u64>,
    faults_by_call: BTreeMap<String, u64>,
    kills_by_function: BTreeMap<String, u64>,
    /// The hash over all outcomes, see `merkle`.
    merkle_root: String,
    merkle: &'static str,
    /// Every id whose outcome is not `stored`, `rejected` or `erased`, as in the lines of the tree.
    exceptions: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ReceiptStore {
    pipeline: &'static str,
    store: &'static str,
    sent: u64,
    acknowledged: u64,
    stored: u64,
    lost: usize,
    doubled: usize,
    unexpected: usize,
    recovered: usize,
    duplicates_removed: u64,
}

const FORM: &str = "cistern-prove/1";
const MERKLE: &str = "RFC 6962 section 2.1 with SHA-256; one leaf per id: the pipeline, a tab, the id, a tab and its outcome (stored, \
                      rejected, erased, recovered, absent, lost, doubled or unexpected); sorted by bytes";

impl Report<'_> {
    pub(super) fn merkle_root(&self) -> String {
        hex::encode(merkle::root(self.outcomes.iter().map(String::as_str)))
    }

    /// The receipt, also printed with `--json`.
    pub(crate) fn receipt(&self) -> Receipt {
        let Sizes {
            email_events,
            app_events,
            product_events,
            ..
        } = self.plan.sizes;
        let disturbances = &self.disturbances;
        let by_call = disturbances
            .injected
            .iter()
            .map(|((site, fault), count)| (format!("{site}, {fault}"), *count));
        let of_destination = disturbances
            .of_destination
            .iter()
            .map(|(name, count)| (format!("destination itself, {name}"), *count));
        let exceptions = self.outcomes.iter().filter(|line| !is_usual(line));
        Receipt {
            form: FORM,
            seed: self.plan.seed,
            commit: self.commit.clone(),
            holds: self.holds(),
            email_events,
            app_events,
            product_events,
            faults: self.fault_count(),
            kinds_of_faults: self.kind_count(),
            kills: disturbances.kills.values().sum(),
            notifications_repeated: disturbances.notifications,
            compactor_runs: disturbances.compactions,
            forwarder_runs: disturbances.forwarder_runs,
            seconds: self.seconds,
            deliveries: self.deliveries,
            erasure: self.erasure.clone(),
            stores: self.stores.iter().map(ReceiptStore::from).collect(),
            rejections: self.rejections.clone(),
            dead_letters: self.dead.clone(),
            faults_by_call: by_call.chain(of_destination).collect(),
            kills_by_function: disturbances.kills.clone(),
            merkle_root: self.merkle_root(),
            merkle: MERKLE,
            exceptions: exceptions.cloned().collect(),
        }
    }
}

impl From<&StoreResult> for ReceiptStore {
    fn from(result: &StoreResult) -> Self {
        let comparison = &result.comparison;
        Self {
            pipeline: result.pipeline.name(),
            store: result.store,
            sent: comparison.sent,
            acknowledged: comparison.acknowledged,
            stored: comparison.stored,
            lost: comparison.lost.len(),
            doubled: comparison.doubled.len(),
            unexpected: comparison.unexpected.len(),
            recovered: comparison.recovered.len(),
            duplicates_removed: comparison.duplicates_removed,
        }
    }
}
