//! What is recorded about the objects of a replay: asked before it, to leave out what is done, and after it, for the outcome.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::Result;
use aws_io::{S3Client, SqsClient, queue, s3::listing::Listed};
use event_model::{BatchKey, Pipeline};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use super::{plan::Aim, position::Position};
use crate::{
    operator::{
        recorded::{
            batches::{Batches, LoadQueue, LoadedBatch, WaitLimits},
            lake::LakeRecords,
            outcome::{Outcome, before_archiving, of_batches, of_lake},
            rejections,
        },
        target::StackTarget,
    },
    progress, shell,
};

/// How long a queue must be empty until it counts as empty: SQS counts approximately.
const QUIET: Duration = Duration::from_secs(5);
/// The pause between two looks at a queue.
const PAUSE: Duration = Duration::from_secs(1);

/// Where the functions behind the queue record what they have done.
#[derive(Debug)]
pub(super) struct Records {
    s3: S3Client,
    sqs: SqsClient,
    queue_url: String,
    /// The stack's own bucket.
    own_bucket: String,
    /// The bucket of the objects.
    bucket: String,
    pipeline: Pipeline,
    kind: Kind,
    /// What is appended to commands, so that they mean the same stack.
    suffix: String,
}

#[derive(Debug)]
enum Kind {
    Postgres(Batches),
    Lake,
    /// Nobody records it in a place that can be asked, for this reason.
    Nowhere(String),
}

impl Records {
    pub(super) async fn of(
        target: &StackTarget,
        aim: Aim,
        bucket: &str,
        prefix: &str,
    ) -> Result<Self> {
        let kind = match aim {
            Aim::Postgres => match Batches::of(target).await {
                Ok(batches) => Kind::Postgres(batches),
                Err(error) => Kind::Nowhere(format!("{error:#}")),
            },
            Aim::Lake => Kind::Lake,
            Aim::Destination => Kind::Nowhere(format!(
                "the forwarder takes the messages on its schedule ({} runs it now) and reports what it sent",
                forwarding(target)
            )),
        };
        Ok(Self {
            s3: target.aws.s3(),
            sqs: target.aws.sqs(),
            queue_url: target.output(aim.queue().output())?.to_owned(),
            own_bucket: target.output("EventsBucketName")?.to_owned(),
            bucket: bucket.to_owned(),
            pipeline: Pipeline::of_raw_key(prefix),
            kind,
            suffix: target.suffix.clone(),
        })
    }

    /// The position of a replay that begins now.
    pub(super) async fn beginning(&self, objects: &[Listed]) -> Result<Position> {
        let mut position = Position {
            began_at: OffsetDateTime::now_utc(),
            began_at_in_postgres: None,
            in_lake_before: 0,
            last_key: None,
            sent: 0,
        };
        match &self.kind {
            Kind::Postgres(batches) => position.began_at_in_postgres = Some(batches.now().await?),
            Kind::Lake => position.in_lake_before = self.count_in_lake(objects).await?,
            Kind::Nowhere(_) => {}
        }
        Ok(position)
    }

    /// What was done before a replay that is not run.
    pub(super) async fn preview(&self, objects: &[Listed]) -> Result<Outcome> {
        match &self.kind {
            Kind::Postgres(batches) => {
                let loaded = batches.find(&batch_keys(objects)).await?;
                let done_before = objects.iter().filter(|object| is_loaded(object, &loaded));
                Ok(Outcome {
                    verb: "loaded",
                    done_before: Some(done_before.count()),
                    ..Outcome::default()
                })
            }
            Kind::Lake => Ok(before_archiving(self.count_in_lake(objects).await?)),
            Kind::Nowhere(why) => Ok(Outcome::unknown(why)),
        }
    }

    /// Those of the objects that need not be sent, because their batches are loaded. The archiver finds that out itself: it may have
    /// written some of an object's files.
    pub(super) async fn needless(&self, objects: &[Listed]) -> Result<BTreeSet<String>> {
        let Kind::Postgres(batches) = &self.kind else {
            return Ok(BTreeSet::new());
        };
        let loaded = batches.find(&batch_keys(objects)).await?;
        let needless = objects.iter().filter(|object| is_loaded(object, &loaded));
        Ok(needless.map(|object| object.key.clone()).collect())
    }

    /// Waits until the objects are processed, or nothing changes for `limit`, and returns what became of them.
    pub(super) async fn outcome(
        &self,
        objects: &[Listed],
        position: &Position,
        limit: Duration,
    ) -> Result<Outcome> {
        if limit.is_zero() {
            return Ok(Outcome::unknown("--wait 0 does not wait for it"));
        }
        let mut outcome = match &self.kind {
            Kind::Postgres(batches) => {
                self.outcome_of_batches(batches, objects, position, limit)
                    .await?
            }
            Kind::Lake => self.outcome_in_lake(objects, position, limit).await?,
            Kind::Nowhere(why) => Outcome::unknown(why),
        };
        if outcome.waiting.is_none() {
            outcome.waiting = Some(self.depth().await?);
        }
        outcome.suffix.clone_from(&self.suffix);
        Ok(outcome)
    }

    async fn outcome_of_batches(
        &self,
        batches: &Batches,
        objects: &[Listed],
        position: &Position,
        limit: Duration,
    ) -> Result<Outcome> {
        let keys = batch_keys(objects);
        let bar = progress::bar(
            u64::try_from(keys.len()).unwrap_or(u64::MAX),
            "batches loaded",
        );
        let limits = WaitLimits {
            quiet: QUIET.min(limit),
            limit,
        };
        let queue = LoadQueue {
            sqs: &self.sqs,
            url: &self.queue_url,
        };
        let loaded = batches.follow(queue, &keys, limits, &bar).await?;
        bar.finish_and_clear();
        let missing: BTreeSet<&str> = objects
            .iter()
            .filter(|object| !is_loaded(object, &loaded))
            .map(|object| object.key.as_str())
            .collect();
        let rejected = self.rejected(&missing, position).await?;
        let began_at = position.began_at_in_postgres.as_deref().unwrap_or_default();
        let names: Vec<String> = objects.iter().map(|object| object.key.clone()).collect();
        Ok(of_batches(&names, &loaded, began_at, &rejected))
    }

    async fn outcome_in_lake(
        &self,
        objects: &[Listed],
        position: &Position,
        limit: Duration,
    ) -> Result<Outcome> {
        self.wait_until_empty(limit).await?;
        // Before the lake is looked at: what no longer waited is in it.
        let waiting = self.depth().await?;
        let records = self.lake_records().await?;
        let names: Vec<String> = objects
            .iter()
            .map(|object| self.source_key(object))
            .collect();
        let missing = names.iter().filter(|name| !records.has(name));
        let missing: BTreeSet<&str> = missing.map(String::as_str).collect();
        let rejected = self.rejected(&missing, position).await?;
        let before = position.in_lake_before;
        Ok(of_lake(&names, &missing, &rejected, before, waiting))
    }

    async fn rejected(
        &self,
        missing: &BTreeSet<&str>,
        position: &Position,
    ) -> Result<BTreeMap<String, String>> {
        if missing.is_empty() {
            return Ok(BTreeMap::new());
        }
        let days = (position.began_at.date(), OffsetDateTime::now_utc().date());
        rejections::of_objects(&self.s3, &self.own_bucket, self.pipeline, days, missing).await
    }

    async fn count_in_lake(&self, objects: &[Listed]) -> Result<usize> {
        let records = self.lake_records().await?;
        let has = |object: &&Listed| records.has(&self.source_key(object));
        Ok(objects.iter().filter(has).count())
    }

    async fn lake_records(&self) -> Result<LakeRecords> {
        LakeRecords::read(&self.s3, &self.own_bucket, self.pipeline).await
    }

    /// What the archiver calls an object: its key, with the bucket in front if that is not the stack's own.
    fn source_key(&self, object: &Listed) -> String {
        if self.bucket == self.own_bucket {
            object.key.clone()
        } else {
            format!("s3://{}/{}", self.bucket, object.key)
        }
    }

    pub(super) async fn depth(&self) -> Result<u64> {
        Ok(queue::depth(&self.sqs, &self.queue_url).await?.total())
    }

    async fn wait_until_empty(&self, limit: Duration) -> Result<()> {
        let bar = progress::bar(self.depth().await?, "messages processed");
        let (mut least, mut last_change) = (u64::MAX, Instant::now());
        let mut busy_until = last_change;
        loop {
            let depth = self.depth().await?;
            let now = Instant::now();
            if depth > 0 {
                busy_until = now;
            }
            if depth < least {
                (least, last_change) = (depth, now);
                bar.set_position(bar.length().unwrap_or_default().saturating_sub(depth));
            }
            if busy_until.elapsed() >= QUIET.min(limit) || last_change.elapsed() >= limit.max(QUIET)
            {
                bar.finish_and_clear();
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    }
}

/// The command that runs the forwarder now. `cistern forward` runs the local stack's.
fn forwarding(target: &StackTarget) -> String {
    match (&target.local, target.output("ForwarderFunctionName")) {
        (None, Ok(name)) => format!(
            "`aws lambda invoke --function-name {} /dev/stdout`",
            shell::word(name)
        ),
        (None, Err(_)) | (Some(_), _) => {
            format!("`cistern forward{suffix}`", suffix = target.suffix)
        }
    }
}

fn batch_keys(objects: &[Listed]) -> BTreeSet<BatchKey> {
    let keys = objects
        .iter()
        .filter_map(|object| BatchKey::from_object_key(&object.key).ok());
    keys.collect()
}

fn is_loaded(object: &Listed, loaded: &BTreeMap<String, LoadedBatch>) -> bool {
    BatchKey::from_object_key(&object.key).is_ok_and(|key| loaded.contains_key(key.as_str()))
}
