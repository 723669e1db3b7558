//! The list of erased people in the bucket, and how functions read it.
//!
//! `state/erasures/people.json` has the hashes and `state/erasures/key` their key. Functions in private subnets reach S3 and nothing
//! else, so the key is there too. It protects a list or a receipt that is handed on, and not from those who may read the bucket: the
//! bucket has everybody's addresses anyway.

use std::{sync::Arc, time::Duration};

use aws_io::{
    S3Client,
    s3::{
        GetError, NewObject, ObjectRef, PutError,
        cached::CachedObject,
        conditional_put::{self, Version},
        get_capped, put_new,
    },
};
use sha2::{Digest as _, Sha256};

use crate::{Tombstones, TombstonesDocument, TombstonesError};

/// The object with the hashes.
pub const LIST_NAME: &str = "state/erasures/people.json";
/// The object with their key.
pub const KEY_NAME: &str = "state/erasures/key";
/// The prefix of notes about raw objects with items of erased people.
const LATE_PREFIX: &str = "state/erasures/late/";

const LIMIT: Duration = Duration::from_secs(5);
const MAX_LIST_BYTES: usize = 64 << 20;
const MAX_KEY_BYTES: usize = 1024;

/// The list cannot be used now. What depends on it has to wait, because processing without it would bring people back.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// S3 did not return it.
    #[error("reading the list of erased people")]
    Get(#[from] GetError),
    /// S3 did not store a note.
    #[error("noting an object with items of erased people")]
    Put(#[from] PutError),
    /// It is not JSON of the expected form.
    #[error("parsing the list of erased people")]
    Json(#[from] serde_json::Error),
    /// Its key or its hashes are damaged.
    #[error(transparent)]
    Damaged(#[from] TombstonesError),
}

/// The list, read again when it is older than its maximum age. Clones share what was read.
#[derive(Clone, Debug)]
pub struct TombstoneList {
    s3: S3Client,
    bucket: String,
    max_age: Duration,
    list: CachedObject<Tombstones>,
}

impl TombstoneList {
    /// How old the list may be that an invocation uses. An erasure waits for this long, and for the longest invocation, before it
    /// searches.
    pub const MAX_AGE: Duration = Duration::from_mins(1);

    /// The list of a bucket. Sends no request.
    pub fn new(s3: S3Client, bucket: impl Into<String>) -> Self {
        let bucket = bucket.into();
        let name = object(&bucket, LIST_NAME);
        Self {
            list: CachedObject::new(s3.clone(), name, MAX_LIST_BYTES, LIMIT),
            s3,
            bucket,
            max_age: Self::MAX_AGE,
        }
    }

    /// The same with another maximum age, for tests.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// The erased people. Mostly there are none, and then nothing is parsed.
    ///
    /// # Errors
    /// When the list is too old and cannot be read, or is damaged.
    pub async fn current(&self) -> Result<Arc<Tombstones>, ListError> {
        let to_tombstones = async |list: Option<Vec<u8>>| {
            let Some(list) = list else {
                return Ok(Tombstones::default());
            };
            let key = read_key(&self.s3, &self.bucket).await?;
            Ok(Tombstones::new(&key, &serde_json::from_slice(&list)?)?)
        };
        self.list.within(self.max_age, to_tombstones).await
    }
}

/// The key of the hashes.
///
/// # Errors
/// When it does not exist or cannot be read.
pub async fn read_key(s3: &S3Client, bucket: &str) -> Result<String, GetError> {
    let key = get_capped(s3, &object(bucket, KEY_NAME), MAX_KEY_BYTES, LIMIT).await?;
    Ok(String::from_utf8_lossy(&key).into_owned())
}

/// The list as it is stored and the version to replace.
///
/// # Errors
/// When it cannot be read, or is not JSON of the expected form.
pub async fn read_list(
    s3: &S3Client,
    bucket: &str,
) -> Result<(TombstonesDocument, Version), ListError> {
    let name = object(bucket, LIST_NAME);
    let (bytes, version) = conditional_put::read(s3, &name, MAX_LIST_BYTES, LIMIT).await?;
    let list = bytes.map(|bytes| serde_json::from_slice(&bytes));
    Ok((list.transpose()?.unwrap_or_default(), version))
}

/// Notes that a raw object has items of erased people, so that the eraser takes them out of it. Noting it again changes nothing.
///
/// # Errors
/// When S3 did not store the note. The object must not count as processed then.
pub async fn note_late(s3: &S3Client, bucket: &str, raw_key: &str) -> Result<(), ListError> {
    let note = NewObject {
        name: object(bucket, &late_name(raw_key)),
        body: raw_key.to_owned().into_bytes().into(),
        content_type: "text/plain",
        metadata: Vec::new(),
    };
    put_new(s3, &note, LIMIT).await?;
    Ok(())
}

/// The name of the note about a raw object, whose content is the object's key; with an empty key, the prefix of all notes.
pub fn late_name(raw_key: &str) -> String {
    if raw_key.is_empty() {
        return LATE_PREFIX.to_owned();
    }
    format!("{LATE_PREFIX}{}", hex::encode(Sha256::digest(raw_key)))
}

fn object(bucket: &str, key: &str) -> ObjectRef {
    ObjectRef {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
    }
}
