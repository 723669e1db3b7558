//! Stores raw objects, each once, however often and on whichever day they are imported.

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_io::{
    gzip,
    s3::{NewObject, ObjectRef, PutOutcome, get_capped, put_new},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{kind::Kind, objects::Packed};
use crate::operator::{raw_batch, target::StackTarget};

/// Time limit of a call.
const CALL_LIMIT: Duration = Duration::from_mins(1);
const MAX_NOTE_BYTES: usize = 4 << 10;

/// Where objects are stored.
#[derive(Debug)]
pub(super) struct Storing {
    pub(super) target: StackTarget,
    bucket: String,
}

/// An object that is stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) key: String,
    /// Whether it was not there before.
    pub(super) is_new: bool,
}

/// What is noted about an import before its object is written: the key, which has the day of the first import.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    key: String,
}

impl Storing {
    pub(super) fn of(target: StackTarget) -> Result<Self> {
        Ok(Self {
            bucket: target.output("EventsBucketName")?.to_owned(),
            target,
        })
    }

    /// Stores an object. Then S3 notifies the functions of its pipeline.
    pub(super) async fn store(&self, object: &Packed) -> Result<Stored> {
        let s3 = self.target.aws.s3();
        if object.kind == Kind::Email {
            let (key, outcome) = raw_batch::store(
                &s3,
                &self.bucket,
                &object.batch_key(),
                &object.body,
                "import",
            )
            .await?;
            return Ok(Stored {
                key,
                is_new: outcome == PutOutcome::Created,
            });
        }
        let key = self.noted_key(object).await?;
        let new = NewObject {
            name: self.name(key.clone()),
            body: gzip::encode(&object.body).into(),
            content_type: "application/gzip",
            metadata: vec![("source", "import".to_owned())],
        };
        let outcome = put_new(&s3, &new, CALL_LIMIT).await?;
        Ok(Stored {
            key,
            is_new: outcome == PutOutcome::Created,
        })
    }

    /// The key under which these items are, or will be. Product events without an id could not be recognised as duplicates in two
    /// objects.
    async fn noted_key(&self, object: &Packed) -> Result<String> {
        let s3 = self.target.aws.s3();
        let pipeline = object.kind.pipeline();
        let now = OffsetDateTime::now_utc();
        let note = Note {
            key: format!(
                "{}dt={}/hour={:02}/import-{}{}",
                pipeline.raw_prefix(),
                now.date(),
                now.hour(),
                object.id,
                ending(object.kind)
            ),
        };
        let name = self.name(format!(
            "state/imports/{}/{}.json",
            pipeline.name(),
            object.id
        ));
        let new = NewObject {
            name: name.clone(),
            body: serde_json::to_vec(&note)?.into(),
            content_type: "application/json",
            metadata: Vec::new(),
        };
        match put_new(&s3, &new, CALL_LIMIT).await? {
            PutOutcome::Created => Ok(note.key),
            PutOutcome::AlreadyThere => {
                let bytes = get_capped(&s3, &name, MAX_NOTE_BYTES, CALL_LIMIT).await?;
                let note: Note = serde_json::from_slice(&bytes)
                    .with_context(|| format!("{name} is not a note about an import"))?;
                Ok(note.key)
            }
        }
    }

    fn name(&self, key: String) -> ObjectRef {
        ObjectRef {
            bucket: self.bucket.clone(),
            key,
        }
    }
}

const fn ending(kind: Kind) -> &'static str {
    match kind {
        Kind::Email => ".json.gz",
        Kind::App => ".ndjson.gz",
        Kind::Product => ".gz",
    }
}
