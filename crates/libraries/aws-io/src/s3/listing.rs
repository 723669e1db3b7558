//! Listing and deleting objects.

use std::time::Duration;

use aws_sdk_s3::{
    error::SdkError,
    operation::{delete_objects::DeleteObjectsError, list_objects_v2::ListObjectsV2Error},
    types::{Delete, Object, ObjectIdentifier},
};
use time::OffsetDateTime;

use super::{to_time, within};
use crate::S3Client;

/// The most objects that one call deletes.
const MAX_DELETES: usize = 1000;

/// A listed object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its size.
    pub size_bytes: u64,
    /// When it was written, to the second.
    pub last_modified: Option<OffsetDateTime>,
}

/// The listing failed, possibly after some of its pages.
#[derive(Debug, thiserror::Error)]
#[error("listing s3://{bucket}/{prefix}")]
pub struct ListError {
    /// The bucket.
    pub bucket: String,
    /// The prefix.
    pub prefix: String,
    /// The SDK's error.
    source: Box<SdkError<ListObjectsV2Error>>,
}

/// Objects may not have been deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// S3 refused or could not be reached.
    #[error("deleting from {bucket}")]
    Service {
        /// The bucket.
        bucket: String,
        /// The SDK's error.
        source: Box<SdkError<DeleteObjectsError>>,
    },
    /// S3 refused to delete one object; others may have been deleted.
    #[error("deleting s3://{bucket}/{key}: {code}")]
    Refused {
        /// The bucket.
        bucket: String,
        /// The first key that was refused.
        key: String,
        /// S3's code.
        code: String,
    },
}

/// Lists the first thousand objects under `prefix` whose keys come after `after`, in the order of their keys.
pub async fn list_after(
    client: &S3Client,
    bucket: &str,
    prefix: &str,
    after: Option<&str>,
    limit: Duration,
) -> Result<Vec<Listed>, ListError> {
    let page = client
        .list_objects_v2()
        .bucket(bucket)
        .prefix(prefix)
        .set_start_after(after.map(str::to_owned))
        .customize()
        .config_override(within(limit))
        .send()
        .await
        .map_err(failed(bucket, prefix))?;
    Ok(listed(page.contents))
}

/// Lists the first thousand folders right under `prefix` that come after `after`: each with `prefix` and a slash at its end.
pub async fn list_folders(
    client: &S3Client,
    bucket: &str,
    prefix: &str,
    after: &str,
    limit: Duration,
) -> Result<Vec<String>, ListError> {
    let page = client
        .list_objects_v2()
        .bucket(bucket)
        .prefix(prefix)
        .delimiter("/")
        .start_after(after)
        .customize()
        .config_override(within(limit))
        .send()
        .await
        .map_err(failed(bucket, prefix))?;
    let folders = page.common_prefixes.unwrap_or_default();
    Ok(folders
        .into_iter()
        .filter_map(|folder| folder.prefix)
        .collect())
}

fn failed(
    bucket: &str,
    prefix: &str,
) -> impl FnOnce(SdkError<ListObjectsV2Error>) -> ListError + use<> {
    let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
    |error| ListError {
        bucket,
        prefix,
        source: Box::new(error),
    }
}

fn listed(objects: Option<Vec<Object>>) -> Vec<Listed> {
    let objects = objects.unwrap_or_default().into_iter();
    objects
        .filter_map(|object| {
            Some(Listed {
                key: object.key?,
                size_bytes: object
                    .size
                    .and_then(|size| u64::try_from(size).ok())
                    .unwrap_or(0),
                last_modified: object.last_modified.as_ref().and_then(to_time),
            })
        })
        .collect()
}

/// Lists all objects under `prefix`, in the order of their keys. `limit` is the time limit of one page of a thousand.
pub async fn list(
    client: &S3Client,
    bucket: &str,
    prefix: &str,
    limit: Duration,
) -> Result<Vec<Listed>, ListError> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let page = client
            .list_objects_v2()
            .bucket(bucket)
            .prefix(prefix)
            .set_continuation_token(token)
            .customize()
            .config_override(within(limit))
            .send()
            .await
            .map_err(failed(bucket, prefix))?;
        all.extend(listed(page.contents));
        token = page.next_continuation_token;
        if token.is_none() {
            return Ok(all);
        }
    }
}

/// Deletes objects. An object that does not exist counts as deleted. `limit` is the time limit of one call, for a thousand objects.
pub async fn delete(
    client: &S3Client,
    bucket: &str,
    keys: &[String],
    limit: Duration,
) -> Result<(), DeleteError> {
    for keys in keys.chunks(MAX_DELETES) {
        let objects = keys
            .iter()
            .map(|key| ObjectIdentifier::builder().key(key).build())
            .collect::<Result<Vec<_>, _>>()
            .expect("every identifier has its key");
        let delete = Delete::builder()
            .set_objects(Some(objects))
            .quiet(true)
            .build()
            .expect("there are objects to delete");
        let output = client
            .delete_objects()
            .bucket(bucket)
            .delete(delete)
            .customize()
            .config_override(within(limit))
            .send()
            .await
            .map_err(|error| DeleteError::Service {
                bucket: bucket.to_owned(),
                source: Box::new(error),
            })?;
        if let Some(refused) = output.errors().first() {
            return Err(DeleteError::Refused {
                bucket: bucket.to_owned(),
                key: refused.key().unwrap_or_default().to_owned(),
                code: refused.code().unwrap_or_default().to_owned(),
            });
        }
    }
    Ok(())
}
