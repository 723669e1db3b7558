//! Server-side copies of objects within one bucket.

use std::time::Duration;

use aws_sdk_s3::{error::SdkError, operation::copy_object::CopyObjectError};

use super::{ObjectRef, http_status, within};
use crate::S3Client;

/// A copy that may not exist.
#[derive(Debug, thiserror::Error)]
#[error("copying {from} to {to}")]
pub struct CopyError {
    /// The source object.
    pub from: ObjectRef,
    /// The key of the copy.
    pub to: String,
    /// The SDK's error.
    source: Box<SdkError<CopyObjectError>>,
}

/// The outcome of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyOutcome {
    /// The copy exists.
    Copied,
    /// The source object does not exist.
    Missing,
}

/// Copies an object of up to 5 GB to the key `to` of the same bucket, replacing an existing object.
pub async fn copy(
    client: &S3Client,
    from: &ObjectRef,
    to: &str,
    limit: Duration,
) -> Result<CopyOutcome, CopyError> {
    // Keys of this bucket have no character that needs encoding in a header or a URL, except "=", which is allowed
    // there.
    let sent = client
        .copy_object()
        .bucket(&from.bucket)
        .copy_source(format!("{}/{}", from.bucket, from.key))
        .key(to)
        .customize()
        .config_override(within(limit))
        .send()
        .await;
    match sent {
        Ok(_) => Ok(CopyOutcome::Copied),
        Err(error) if http_status(&error) == Some(404) => Ok(CopyOutcome::Missing),
        Err(error) => Err(CopyError {
            from: from.clone(),
            to: to.to_owned(),
            source: Box::new(error),
        }),
    }
}
