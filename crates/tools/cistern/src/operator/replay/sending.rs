//! Sends what leads to processing, at a rate, and keeps where it is.

use std::{num::NonZeroU32, time::Duration};

use anyhow::{Result, ensure};
use aws_io::{
    SqsClient, notification, queue,
    s3::{ObjectRef, listing::Listed},
};
use tokio::time::{Instant, sleep};

use super::{
    messages,
    plan::{Aim, Plan},
    position::Position,
    records::Records,
};
use crate::{
    operator::{pace::Pace, resume::StateFile, target::StackTarget},
    progress,
};

/// Time limit of one round of parallel calls.
const SEND_LIMIT: Duration = Duration::from_mins(1);
/// Objects of which it is asked at once whether they have to be sent.
const WINDOW: usize = 400;
/// Messages in one call.
const PER_CALL: usize = 10;
/// The most messages that may wait: what arrives meanwhile waits behind them, a few seconds and not hours.
const MOST_WAITING: u64 = 200;
/// The pause before the next look at a queue with that many.
const PAUSE: Duration = Duration::from_millis(500);

/// Sends the objects of a replay.
#[derive(Debug)]
pub(super) struct Sender<'a> {
    pub(super) target: &'a StackTarget,
    pub(super) bucket: &'a str,
    pub(super) plan: &'a Plan,
    pub(super) records: &'a Records,
    pub(super) state: &'a StateFile,
    /// Parallel calls.
    pub(super) parallel: usize,
    /// Objects per second.
    pub(super) rate: Option<NonZeroU32>,
}

impl Sender<'_> {
    /// Sends the objects after the position, and moves it.
    ///
    /// # Errors
    /// When the queue did not accept everything of a round; the position is before that round.
    pub(super) async fn send(&self, objects: &[Listed], position: &mut Position) -> Result<()> {
        let bar = progress::bar(u64::try_from(objects.len()).unwrap_or(u64::MAX), "objects");
        let done = position.done(objects);
        bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
        let sqs = self.target.aws.sqs();
        let queue_url = self.target.output(self.plan.aim.queue().output())?;
        let mut pace = Pace::new(self.rate);
        // The first thing written, so that a run that is killed right away continues with what it knows of the beginning.
        self.state.write(position)?;
        for window in objects.get(done..).unwrap_or_default().chunks(WINDOW) {
            let needless = self.records.needless(window).await?;
            let sent: Vec<&Listed> = window
                .iter()
                .filter(|object| !needless.contains(&object.key))
                .collect();
            for round in sent.chunks(self.round()) {
                pace.turn(u64::try_from(round.len()).unwrap_or(u64::MAX))
                    .await;
                self.wait_for_room(&bar).await?;
                position.sent += self.send_round(&sqs, queue_url, round).await?;
                position.last_key = round.last().map(|object| object.key.clone());
                self.state.write(position)?;
                bar.inc(u64::try_from(round.len()).unwrap_or(u64::MAX));
            }
            position.last_key = window.last().map(|object| object.key.clone());
            self.state.write(position)?;
            bar.set_position(u64::try_from(position.done(objects)).unwrap_or(u64::MAX));
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Objects between two writes of the position: with a rate those of a second.
    fn round(&self) -> usize {
        let most = self.parallel.saturating_mul(PER_CALL).max(1);
        let rate = self.rate.and_then(|rate| usize::try_from(rate.get()).ok());
        rate.map_or(most, |rate| rate.min(most))
    }

    async fn wait_for_room(&self, bar: &indicatif::ProgressBar) -> Result<()> {
        // Nobody takes messages of the forward queue before the forwarder's next run.
        if self.plan.aim == Aim::Destination {
            return Ok(());
        }
        while self.records.depth().await? >= MOST_WAITING {
            bar.set_message("waiting for the function behind the queue");
            sleep(PAUSE).await;
        }
        bar.set_message("");
        Ok(())
    }

    async fn send_round(
        &self,
        sqs: &SqsClient,
        queue_url: &str,
        objects: &[&Listed],
    ) -> Result<usize> {
        if self.plan.aim == Aim::Destination {
            let s3 = self.target.aws.s3();
            let mut sent = 0;
            for object in objects {
                let name = self.name(object);
                sent += messages::send_object(&s3, sqs, queue_url, &name, self.parallel).await?;
            }
            return Ok(sent);
        }
        let notifications: Vec<String> = objects
            .iter()
            .map(|object| notification::encode(&self.name(object)))
            .collect();
        let deadline = Instant::now() + SEND_LIMIT;
        let failures =
            queue::send_batch(sqs, queue_url, &notifications, self.parallel, deadline).await;
        if let Some(error) = failures.error {
            return Err(error.into());
        }
        ensure!(
            failures.indices.is_empty(),
            "{} of {} notifications were not accepted; the same command continues here",
            failures.indices.len(),
            notifications.len()
        );
        Ok(notifications.len())
    }

    fn name(&self, object: &Listed) -> ObjectRef {
        ObjectRef {
            bucket: self.bucket.to_owned(),
            key: object.key.clone(),
        }
    }
}
