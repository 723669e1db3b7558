//! Copies of objects that S3 makes itself, inside one bucket.

use std::time::Duration;

use aws_sdk_s3::{error::SdkError, operation::copy_object::CopyObjectError};

use super::{ObjectRef, http_status, within};
use crate::S3Client;

/// A copy that may not be there.
#[derive(Debug, thiserror::Error)]
#[error("copying {from} to {to}")]
pub struct CopyError {
    /// The object that is copied.
    pub from: ObjectRef,
    /// The key of the copy.
    pub to: String,
    /// The SDK's error.
    source: Box<SdkError<CopyObjectError>>,
}

/// What became of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyOutcome {
    /// The copy is there.
    Copied,
    /// There is no object to copy.
    Missing,
}

/// Copies an object of up to 5 GB to the key `to` of the same bucket, over what is there.
pub async fn copy(
    client: &S3Client,
    from: &ObjectRef,
    to: &str,
    limit: Duration,
) -> Result<CopyOutcome, CopyError> {
    // Keys of this bucket have no character that a header or an address would need encoded, except "=", which may stand there.
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
