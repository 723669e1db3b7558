//! A model of one S3 bucket: strongly consistent, with conditional writes.
//!
//! After <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel> and
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>.

use std::collections::BTreeMap;

use bytes::Bytes;
use time::OffsetDateTime;

/// An object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) body: Bytes,
    /// Another one for each write.
    pub(crate) etag: u64,
    pub(crate) modified: OffsetDateTime,
    pub(crate) metadata: Vec<(String, String)>,
}

/// What a write expects of the object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Anything,
    Nothing,
    Etag(u64),
}

/// Why a write was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    PreconditionFailed,
    NoSuchKey,
}

#[derive(Debug, Default)]
pub(crate) struct Bucket {
    objects: BTreeMap<String, Object>,
    writes: u64,
}

/// A page of a listing.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) objects: Vec<(&'a str, &'a Object)>,
    pub(crate) is_truncated: bool,
}

impl Bucket {
    pub(crate) fn get(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)
    }

    /// The objects under a prefix, in the order of their keys.
    pub(crate) fn under<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Object)> {
        self.objects
            .range(prefix.to_owned()..)
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(key, object)| (key.as_str(), object))
    }

    /// At most `max` objects under a prefix whose keys come after `after`.
    pub(crate) fn page<'a>(&'a self, prefix: &'a str, after: &str, max: usize) -> Page<'a> {
        let mut objects: Vec<_> = self
            .under(prefix)
            .filter(|(key, _)| *key > after)
            .take(max + 1)
            .collect();
        let is_truncated = objects.len() > max;
        objects.truncate(max);
        Page {
            objects,
            is_truncated,
        }
    }

    /// Writes an object; its `ETag`.
    pub(crate) fn put(
        &mut self,
        key: &str,
        body: Bytes,
        metadata: Vec<(String, String)>,
        condition: &Condition,
        now: OffsetDateTime,
    ) -> Result<u64, Refused> {
        match (condition, self.objects.get(key)) {
            (Condition::Nothing, Some(_)) => return Err(Refused::PreconditionFailed),
            (Condition::Etag(_), None) => return Err(Refused::NoSuchKey),
            (Condition::Etag(etag), Some(object)) if object.etag != *etag => {
                return Err(Refused::PreconditionFailed);
            }
            (Condition::Anything | Condition::Nothing | Condition::Etag(_), _) => {}
        }
        self.writes += 1;
        let object = Object {
            body,
            etag: self.writes,
            modified: now,
            metadata,
        };
        self.objects.insert(key.to_owned(), object);
        Ok(self.writes)
    }

    pub(crate) fn delete(&mut self, key: &str) -> Option<Object> {
        self.objects.remove(key)
    }
}
