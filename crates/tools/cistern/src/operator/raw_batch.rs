//! Email batches that no webhook brought, stored like those of the webhook. S3 then notifies the loader and the archiver.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;
use aws_io::{
    S3Client, gzip,
    s3::{NewObject, ObjectRef, PutOutcome, put_new},
};
use event_model::{
    BatchKey,
    sparkpost::{EventClass, EventType},
};
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    recorded::{
        batches::{Batches, LoadQueue, WaitLimits},
        outcome::{Outcome, of_batches},
    },
    target::StackTarget,
};
use crate::{progress, queue::Queue};

/// Time limit of storing a batch.
const PUT_LIMIT: Duration = Duration::from_mins(1);
/// How long the queue must be empty: S3 notifies within seconds, and rarely a minute later
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html>).
const QUIET: Duration = Duration::from_secs(90);

/// An event as the webhook brings it: in the envelope of its class. The Events API has none.
pub(crate) fn envelope(event: &str) -> String {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        event_type: String,
    }

    let class = serde_json::from_str::<Typed>(event)
        .ok()
        .and_then(|typed| typed.event_type.parse::<EventType>().ok())
        // SparkPost adds types unannounced. The class is not stored.
        .map_or(EventClass::Message, EventType::class);
    format!(r#"{{"msys":{{"{class}":{event}}}}}"#)
}

/// Stores a body under its key, unless it is there. `source` says where it came from.
///
/// # Errors
/// S3 refuses or cannot be reached.
pub(crate) async fn store(
    s3: &S3Client,
    bucket: &str,
    key: &BatchKey,
    body: &[u8],
    source: &'static str,
) -> Result<(String, PutOutcome)> {
    let now = OffsetDateTime::now_utc();
    let name = ObjectRef {
        bucket: bucket.to_owned(),
        key: key.object_key(now.date()),
    };
    let object = raw_object(name, body, source, now);
    let outcome = put_new(s3, &object, PUT_LIMIT).await?;
    Ok((object.name.key, outcome))
}

/// A raw object, which says where its content came from and when.
pub(crate) fn raw_object(
    name: ObjectRef,
    body: &[u8],
    source: &'static str,
    now: OffsetDateTime,
) -> NewObject {
    NewObject {
        name,
        body: gzip::encode(body).into(),
        content_type: "application/gzip",
        metadata: vec![
            ("source", source.to_owned()),
            ("received-at", now.format(&Rfc3339).unwrap_or_default()),
        ],
    }
}

/// When a command began by Postgres, if the stack can be asked.
#[derive(Debug)]
pub(crate) struct Follower {
    batches: Result<Batches>,
}

impl Follower {
    pub(crate) async fn of(target: &StackTarget) -> Self {
        Self {
            batches: Batches::of(target).await,
        }
    }

    /// The time of Postgres; `None` if it cannot be asked.
    pub(crate) async fn now(&self) -> Result<Option<String>> {
        match &self.batches {
            Ok(batches) => batches.now().await.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Waits until the stored objects are loaded, or nothing changes for `limit`, and returns what became of their events.
    pub(crate) async fn outcome(
        &self,
        target: &StackTarget,
        objects: &[String],
        began_at: Option<&str>,
        limit: Duration,
    ) -> Result<Outcome> {
        let batches = match &self.batches {
            Ok(batches) => batches,
            Err(error) => return Ok(Outcome::unknown(format!("{error:#}"))),
        };
        if limit.is_zero() {
            return Ok(Outcome::unknown("--wait 0 does not wait for it"));
        }
        let keys: BTreeSet<BatchKey> = objects
            .iter()
            .filter_map(|object| BatchKey::from_object_key(object).ok())
            .collect();
        let sqs = target.aws.sqs();
        let queue = LoadQueue {
            sqs: &sqs,
            url: target.output(Queue::Load.output())?,
        };
        let limits = WaitLimits {
            quiet: QUIET.min(limit),
            limit,
        };
        let bar = progress::bar(
            u64::try_from(keys.len()).unwrap_or(u64::MAX),
            "batches loaded",
        );
        let loaded = batches.follow(queue, &keys, limits, &bar).await?;
        bar.finish_and_clear();
        let mut outcome = of_batches(
            objects,
            &loaded,
            began_at.unwrap_or_default(),
            &std::collections::BTreeMap::new(),
        );
        outcome.suffix.clone_from(&target.suffix);
        Ok(outcome)
    }
}
