//! Stores raw objects, each once, however often and on whichever day they are imported.

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_io::{
    S3Client,
    s3::{NewObject, ObjectRef, PutOutcome, get_capped, put_new},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{kind::Kind, objects::Packed};
use crate::operator::{raw_batch::raw_object, target::StackTarget};

/// Time limit of a call.
const CALL_LIMIT: Duration = Duration::from_mins(1);
const MAX_NOTE_BYTES: usize = 4 << 10;

/// Where objects are stored.
#[derive(Debug)]
pub(super) struct Storing {
    s3: S3Client,
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
    pub(super) fn of(target: &StackTarget) -> Result<Self> {
        Ok(Self {
            s3: target.aws.s3(),
            bucket: target.output("EventsBucketName")?.to_owned(),
        })
    }

    /// Stores an object, which arrives `now` unless it did before. Then S3 notifies the functions of its pipeline.
    pub(super) async fn store(&self, object: &Packed, now: OffsetDateTime) -> Result<Stored> {
        let key = self.noted_key(object, now).await?;
        let new = raw_object(self.name(key.clone()), &object.body, "import", now);
        let outcome = put_new(&self.s3, &new, CALL_LIMIT).await?;
        Ok(Stored {
            key,
            is_new: outcome == PutOutcome::Created,
        })
    }

    /// The key under which these items are, or will be. Events without an id or a time could not be recognised as duplicates in two
    /// objects.
    async fn noted_key(&self, object: &Packed, now: OffsetDateTime) -> Result<String> {
        let note = Note {
            key: first_key(object, now),
        };
        let name = self.name(note_key(object));
        let new = NewObject {
            name: name.clone(),
            body: serde_json::to_vec(&note)?.into(),
            content_type: "application/json",
            metadata: Vec::new(),
        };
        match put_new(&self.s3, &new, CALL_LIMIT).await? {
            PutOutcome::Created => Ok(note.key),
            PutOutcome::AlreadyThere => {
                let bytes = get_capped(&self.s3, &name, MAX_NOTE_BYTES, CALL_LIMIT).await?;
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

/// The key of an object that was never imported before.
fn first_key(object: &Packed, now: OffsetDateTime) -> String {
    let ending = match object.kind {
        Kind::Email => return object.batch_key().object_key(now.date()),
        Kind::App => ".ndjson.gz",
        Kind::Product => ".gz",
    };
    format!(
        "{}dt={}/hour={:02}/import-{}{ending}",
        object.kind.pipeline().raw_prefix(),
        now.date(),
        now.hour(),
        object.id
    )
}

/// Where the note about an object is: by what the loader recognises a batch by, or by the items.
fn note_key(object: &Packed) -> String {
    let id = match object.kind {
        Kind::Email => object.batch_key().to_string(),
        Kind::App | Kind::Product => object.id.clone(),
    };
    format!("state/imports/{}/{id}.json", object.kind.pipeline().name())
}

#[cfg(test)]
mod tests;
