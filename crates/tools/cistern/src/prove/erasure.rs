//! The erasure of the person: requested while everything is sent, carried on by the schedule's invocations, and checked at the end.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use aws_io::s3::{GetError, ObjectRef, get_capped, listing};
use erasure::late_name;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    disturb::Disturber,
    person::{ADDRESS, USER},
    quiet,
    stored::Stores,
};
use crate::progress::Step;

/// How long the eraser waits before and between its passes: longer than the longest delay of a call, so that whatever an ended process
/// has sent has taken effect. By default it waits until processes end by themselves, 17 minutes; here they are ended.
pub(super) const WAIT_SECONDS: &str = "12";
/// The functions that read the list of erased people: a process may have an older one.
const READING_LIST: [&str; 3] = ["loader", "archiver", "forwarder"];
/// It copies what is in the lake, so a process may have read what has been erased since. What the others copy is without the person.
const COMPACTOR: [&str; 1] = ["compactor"];
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(30);
const MAX_BYTES: usize = 64 << 20;

/// An erasure that has begun.
#[derive(Debug)]
pub(super) struct Erasure {
    id: String,
    is_begun: AtomicBool,
    /// Passes that have ended.
    passes: AtomicU64,
    receipt: Mutex<Option<Value>>,
    /// The person's events that had been sent when the list had the person.
    sent_before: AtomicU64,
}

/// What became of the person's events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ErasureResult {
    /// The person's events that were sent, each once.
    pub(crate) sent: u64,
    /// Of these, those that were sent after the request for the first time.
    pub(crate) sent_after_request: u64,
    /// Searches of all places.
    pub(crate) passes: u64,
    /// Items, rows and lines of the person that they took out, by place.
    pub(crate) erased: BTreeMap<String, u64>,
    /// Events that the loader left out since.
    pub(crate) left_out: u64,
    /// Whether the eraser says that its last pass found nothing.
    pub(crate) is_complete: bool,
    /// Objects and rows that were looked through for the person's names.
    pub(crate) searched: u64,
    /// Where one of them still is.
    pub(crate) remains: Vec<String>,
}

impl ErasureResult {
    /// Whether nothing of the person is left.
    pub(crate) fn holds(&self) -> bool {
        self.is_complete && self.remains.is_empty()
    }
}

impl Erasure {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            id: format!("prove-{seed}"),
            is_begun: AtomicBool::new(false),
            passes: AtomicU64::new(0),
            receipt: Mutex::default(),
            sent_before: AtomicU64::new(0),
        }
    }

    /// Requests it, as `cistern erase --run` does, and ends the processes that may have read an older list.
    pub(super) async fn begin(&self, disturber: &Disturber) -> Result<()> {
        let start = json!({"start": {
            "id": self.id, "addresses": [ADDRESS], "ids": [USER], "run": true, "requested_by": "cistern prove",
        }});
        // Its calls fail like all others, and asking again changes nothing.
        for _ in 0..ATTEMPTS {
            if disturber.functions.invoke_with("eraser", &start).await? {
                end(disturber, &READING_LIST);
                end(disturber, &COMPACTOR);
                self.is_begun.store(true, Ordering::SeqCst);
                return Ok(());
            }
            sleep(PAUSE).await;
        }
        bail!("the eraser did not accept the erasure")
    }

    /// Notes how many of the person's events had been sent when the list had the person.
    pub(super) fn note_sent(&self, events: u64) {
        self.sent_before.store(events, Ordering::SeqCst);
    }

    /// Invokes the eraser again and again, as its schedule does. When a pass ends, the compactor is ended that may have read
    /// what was erased.
    pub(super) async fn keep_running(&self, disturber: &Disturber, until: &AtomicBool) {
        while !until.load(Ordering::SeqCst) {
            if self.is_begun.load(Ordering::SeqCst) {
                // A run that fails or is killed is what the next one is for, and so is a look that fails.
                disturber.functions.invoke("eraser").await.unwrap_or(false);
                self.look(disturber).await.unwrap_or_default();
            }
            sleep(PAUSE).await;
        }
    }

    async fn look(&self, disturber: &Disturber) -> Result<()> {
        if let Some(receipt) = self.read(disturber, "receipt.json").await? {
            *self.receipt.lock().unwrap_or_else(PoisonError::into_inner) = Some(receipt);
            return Ok(());
        }
        let state = self
            .read(disturber, "state.json")
            .await?
            .unwrap_or_default();
        let passes = state["passes"].as_array().map_or(0, Vec::len);
        let passes = u64::try_from(passes).unwrap_or(u64::MAX);
        if self.passes.swap(passes, Ordering::SeqCst) < passes {
            end(disturber, &COMPACTOR);
        }
        Ok(())
    }

    async fn read(&self, disturber: &Disturber, file: &str) -> Result<Option<Value>> {
        let name = ObjectRef {
            bucket: disturber.stack.bucket.clone(),
            key: format!("state/erasures/{}/{file}", self.id),
        };
        match get_capped(&disturber.s3, &name, MAX_BYTES, LIMIT).await {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(GetError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn receipt(&self) -> Option<Value> {
        let receipt = self.receipt.lock().unwrap_or_else(PoisonError::into_inner);
        receipt.clone()
    }

    /// Waits for the receipt, and until no noted raw object is left and the queues are empty.
    pub(super) async fn finish(
        &self,
        disturber: &Disturber,
        timeout: Duration,
        step: &Step,
    ) -> Result<()> {
        let give_up = Instant::now() + timeout;
        let bucket = &disturber.stack.bucket;
        loop {
            let notes = listing::list(&disturber.s3, bucket, &late_name(""), LIMIT).await?;
            let is_finished = self.receipt().is_some();
            if is_finished && notes.is_empty() {
                // What was taken out of an object is a new version, which is loaded and archived again.
                quiet::queues(&disturber.stack, &disturber.sqs, timeout, step).await?;
                let notes = listing::list(&disturber.s3, bucket, &late_name(""), LIMIT).await?;
                if notes.is_empty() {
                    return Ok(());
                }
            }
            let passes = self.passes.load(Ordering::SeqCst);
            step.note(format!("{passes} passes, {} noted objects", notes.len()));
            if Instant::now() > give_up {
                bail!("the erasure has not ended after {passes} passes");
            }
            sleep(PAUSE).await;
        }
    }

    /// Looks for the person everywhere, of whom so many events were sent.
    pub(super) async fn result(&self, stores: &Stores<'_>, sent: u64) -> Result<ErasureResult> {
        let signed = self.receipt().context("the erasure has a receipt")?;
        let receipt = &signed["receipt"];
        let mut erased = BTreeMap::new();
        let passes = receipt["passes"].as_array().cloned().unwrap_or_default();
        for pass in &passes {
            for (place, count) in pass["counts"].as_object().into_iter().flatten() {
                let number = |name: &str| count[name].as_u64().unwrap_or(0);
                let sum = number("found") + number("late");
                if sum > 0 {
                    *erased.entry(place.clone()).or_default() += sum;
                }
            }
        }
        let (searched, remains) = stores.remains_of_person().await?;
        Ok(ErasureResult {
            sent,
            sent_after_request: sent.saturating_sub(self.sent_before.load(Ordering::SeqCst)),
            passes: u64::try_from(passes.len()).unwrap_or(u64::MAX),
            erased,
            left_out: stores.left_out().await?,
            is_complete: receipt["is_complete"].as_bool() == Some(true),
            searched,
            remains,
        })
    }
}

/// Ends the processes of functions, so that none goes on with what it has read.
fn end(disturber: &Disturber, functions: &[&str]) {
    for function in functions {
        if let Ok(name) = disturber.functions.name(function) {
            disturber.callers.kill_function(name);
        }
    }
}
