//! Carries out what a plan says goes wrong, and keeps the scheduled functions running meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use aws_io::{
    S3Client, SqsClient, notification, queue,
    s3::{ObjectRef, listing},
};
use tokio::time::{Instant, sleep};

use super::{
    caller::Callers,
    functions::Functions,
    plan::{DisruptionKind, NotifiedQueue, Victim},
    proxy::{Faults, Strike},
};
use crate::stack::Stack;

const LIST_LIMIT: Duration = Duration::from_secs(30);
/// How long a kill waits for a process to kill.
const PROCESS_LIMIT: Duration = Duration::from_secs(30);
const PROCESS_POLL: Duration = Duration::from_millis(50);
/// The pause between two runs of a scheduled function.
const PAUSE: Duration = Duration::from_secs(1);

/// Everything that is needed to disturb a stack.
#[derive(Debug)]
pub(super) struct Disturber {
    pub(super) stack: Stack,
    pub(super) functions: Functions,
    pub(super) faults: Arc<Faults>,
    pub(super) callers: Arc<Callers>,
    pub(super) s3: S3Client,
    pub(super) sqs: SqsClient,
    pub(super) notifications: AtomicU64,
    /// Whether disturbances are over.
    pub(super) is_over: AtomicBool,
    /// Kills that found no process.
    pub(super) missed_kills: AtomicU64,
}

impl Disturber {
    /// Starts one disruption; some go on in the background.
    pub(super) fn begin(self: &Arc<Self>, kind: DisruptionKind) {
        match kind {
            DisruptionKind::Fault(site, fault) => self.faults.arm(site, Strike::Fault(fault)),
            DisruptionKind::KillAtCall { site, moment } => {
                self.faults.arm(site, Strike::Kill(moment));
            }
            DisruptionKind::Kill { victim, after_ms } => {
                let disturber = Arc::clone(self);
                tokio::spawn(async move {
                    sleep(Duration::from_millis(after_ms)).await;
                    disturber.kill(victim).await;
                });
            }
            DisruptionKind::Notify { pick, queue } => {
                let disturber = Arc::clone(self);
                tokio::spawn(async move {
                    // Without a stored object yet there is nothing to repeat.
                    if let Ok(true) = disturber.notify(pick, queue).await {
                        disturber.notifications.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        }
    }

    /// Kills a function's processes, as soon as there are any.
    async fn kill(&self, victim: Victim) {
        let Ok(name) = self.functions.name(victim.function()) else {
            return;
        };
        let give_up = Instant::now() + PROCESS_LIMIT;
        while !self.is_over.load(Ordering::SeqCst) && Instant::now() < give_up {
            if self.callers.kill_function(name) > 0 {
                return;
            }
            sleep(PROCESS_POLL).await;
        }
        self.missed_kills.fetch_add(1, Ordering::SeqCst);
    }

    /// Sends the notification about a stored object again, sometimes with others in one message.
    async fn notify(&self, pick: u64, notified: NotifiedQueue) -> Result<bool> {
        let (prefix, name) = match notified {
            NotifiedQueue::Load => ("raw/sparkpost/", "load"),
            NotifiedQueue::Archive => ("raw/", "archive"),
        };
        let url = self
            .stack
            .queues
            .get(name)
            .context("the stack has its queues")?;
        let bucket = &self.stack.bucket;
        let objects = listing::list(&self.s3, bucket, prefix, LIST_LIMIT).await?;
        let count = u64::try_from(objects.len()).unwrap_or(u64::MAX);
        let index = pick
            .checked_rem(count)
            .and_then(|index| usize::try_from(index).ok());
        let Some(object) = index.and_then(|index| objects.get(index)) else {
            return Ok(false);
        };
        let body = notification::encode(&ObjectRef {
            bucket: bucket.clone(),
            key: object.key.clone(),
        });
        queue::send(&self.sqs, url, &body).await?;
        Ok(true)
    }

    /// Runs a scheduled function again and again until disturbances and all that they delayed are over; returns how often it ran.
    pub(super) async fn keep_running(&self, function: &str, until: &AtomicBool) -> u64 {
        let mut runs = 0;
        while !until.load(Ordering::SeqCst) {
            // A run that fails or is killed is what the next one is for.
            self.functions.invoke(function).await.unwrap_or(false);
            runs += 1;
            sleep(PAUSE).await;
        }
        runs
    }
}
