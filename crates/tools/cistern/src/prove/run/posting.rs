//! Posts everything that a plan has, and begins its disruptions meanwhile.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    sync::Semaphore,
    task::{JoinHandle, JoinSet},
    time::sleep_until,
};

use crate::{
    progress::Step,
    prove::{
        Options,
        erasure::Erasure,
        ledger::Ledger,
        plan::Plan,
        report::Deliveries,
        rig::Rig,
        sender::{Delivery, Sender},
        signing::Signer,
    },
};

/// Deliveries running at once, those that wait for their next attempt included.
const PARALLEL: usize = 48;

/// What the senders know, shared by all deliveries.
#[derive(Debug)]
pub(super) struct Senders {
    ledger: Mutex<Ledger>,
    deliveries: Mutex<Deliveries>,
    /// Of the person, requested when a quarter of the posts is made.
    pub(super) erasure: Erasure,
}

impl Senders {
    /// Before anything is sent.
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            ledger: Mutex::new(Ledger::new(plan)),
            deliveries: Mutex::default(),
            erasure: Erasure::new(plan.seed),
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn deliveries(&self) -> MutexGuard<'_, Deliveries> {
        self.deliveries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, delivery: Delivery) {
        let mut deliveries = self.deliveries();
        let failed = delivery.attempts - u64::from(delivery.is_acknowledged);
        deliveries.attempts += delivery.attempts;
        deliveries.failed_attempts += failed;
        deliveries.acknowledged += u64::from(delivery.is_acknowledged);
        deliveries.given_up += u64::from(!delivery.is_acknowledged);
    }
}

/// Requests the erasure, and notes how much of the person has been sent until then, while posting goes on.
fn request_erasure(rig: &Rig, senders: &Arc<Senders>, plan: &Arc<Plan>) -> JoinHandle<Result<()>> {
    let disturber = Arc::clone(&rig.disturber);
    let (senders, plan) = (Arc::clone(senders), Arc::clone(plan));
    tokio::spawn(async move {
        senders.erasure.begin(&disturber).await?;
        let sent = senders.ledger().sent_of_person(&plan);
        senders.erasure.note_sent(sent);
        Ok(())
    })
}

/// Posts everything at the given rate, and begins each disruption after its number of posts.
pub(super) async fn send_all(
    options: &Options,
    plan: &Plan,
    rig: &Rig,
    senders: &Arc<Senders>,
) -> Result<()> {
    let step = Step::start("send").reported();
    let signer = Signer::new()?;
    rig.accept_senders(&signer.secrets()).await?;
    let sender = Arc::new(Sender::new(rig, signer).await?);
    let shared = Arc::new(plan.clone());
    let permits = Arc::new(Semaphore::new(PARALLEL));
    let mut under_way = JoinSet::new();
    let mut disruptions = plan.disruptions.iter().peekable();
    let started = tokio::time::Instant::now();
    let mut events = 0_u64;
    let post_count = plan.posts.len();
    let mut request = None;
    for (number, post) in plan.posts.iter().enumerate() {
        while let Some(disruption) =
            disruptions.next_if(|disruption| disruption.after_posts <= number)
        {
            rig.disturber.begin(disruption.kind);
        }
        if number >= post_count / 4 && request.is_none() {
            request = Some(request_erasure(rig, senders, &shared));
        }
        let due =
            Duration::from_millis(events.saturating_mul(1_000) / u64::from(options.rate.get()));
        sleep_until(started + due).await;
        let permit = Arc::clone(&permits).acquire_owned().await?;
        let (index, copy) = (post.batch, post.copy);
        senders.ledger().send(plan, index);
        events += plan.batches.get(index).map_or(0, |batch| batch.count);
        let (sender, plan, senders) = (
            Arc::clone(&sender),
            Arc::clone(&shared),
            Arc::clone(senders),
        );
        under_way.spawn(async move {
            if let Some(batch) = plan.batches.get(index) {
                let delivery = sender.deliver(&plan, batch, copy).await?;
                if delivery.is_acknowledged {
                    senders.ledger().acknowledge(&plan, index);
                }
                senders.count(delivery);
            }
            drop(permit);
            anyhow::Ok(())
        });
        while let Some(ended) = under_way.try_join_next() {
            ended.context("delivering a batch")??;
        }
        step.note(format!("{number} of {post_count} posts"));
    }
    for disruption in disruptions {
        rig.disturber.begin(disruption.kind);
    }
    match request {
        Some(request) => request.await??,
        // Nothing was posted.
        None => request_erasure(rig, senders, &shared).await??,
    }
    while let Some(ended) = under_way.join_next().await {
        ended.context("delivering a batch")??;
    }
    let unacknowledged = senders.ledger().unacknowledged_batches();
    step.done(format!(
        "{} posts, {unacknowledged} batches were never acknowledged",
        plan.posts.len()
    ));
    Ok(())
}
