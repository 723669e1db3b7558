//! Replaces the content of an object that was read, and leaves nothing of the old one.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use aws_sdk_s3::{error::SdkError, operation::get_object::GetObjectOutput, primitives::ByteStream};
use bytes::Bytes;
use tokio::time::timeout;

use super::{ObjectRef, PutError, conditional_put::WriteOutcome, http_status, within};
use crate::S3Client;

/// What stays of an object when its content changes, and which version of it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    etag: Option<String>,
    content_type: Option<String>,
    metadata: Option<HashMap<String, String>>,
}

/// The new content.
#[derive(Clone, Debug)]
pub enum NewContent {
    /// In memory.
    Bytes(Bytes),
    /// A file.
    File(PathBuf),
}

/// An object may still have its old content, in its current or in an older version.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// It was not written for certain.
    #[error(transparent)]
    Put(#[from] PutError),
    /// The bucket keeps older versions, and they were not removed.
    #[error("removing older versions of {name}")]
    Versions {
        /// The object.
        name: ObjectRef,
        /// The SDK's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Replaced {
    pub(super) fn of(output: &GetObjectOutput) -> Self {
        Self {
            etag: output.e_tag().map(str::to_owned),
            content_type: output.content_type().map(str::to_owned),
            metadata: output.metadata().cloned(),
        }
    }
}

/// Writes the new content of an object, within `limit`, unless it has changed since it was read. In a bucket that keeps versions, all
/// older ones are removed.
///
/// # Errors
/// When the old content may still be there.
pub async fn replace(
    client: &S3Client,
    name: &ObjectRef,
    content: &NewContent,
    replaced: &Replaced,
    limit: Duration,
) -> Result<WriteOutcome, ReplaceError> {
    let body = match content {
        NewContent::Bytes(bytes) => ByteStream::from(bytes.clone()),
        NewContent::File(path) => {
            ByteStream::from_path(path)
                .await
                .map_err(|source| PutError::File {
                    path: path.clone(),
                    source,
                })?
        }
    };
    let request = client
        .put_object()
        .bucket(&name.bucket)
        .key(&name.key)
        .set_content_type(replaced.content_type.clone())
        .set_metadata(replaced.metadata.clone())
        .set_if_match(replaced.etag.clone())
        .body(body);
    let sent = timeout(
        limit,
        request.customize().config_override(within(limit)).send(),
    )
    .await;
    let output = match sent {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if is_changed(&error) => return Ok(WriteOutcome::Changed),
        Ok(Err(error)) => {
            return Err(PutError::Service {
                name: name.clone(),
                source: Box::new(error),
            }
            .into());
        }
        Err(_) => {
            return Err(PutError::Timeout {
                name: name.clone(),
                limit,
            }
            .into());
        }
    };
    // `null` while versioning is suspended: older versions may be there.
    if let Some(current) = output.version_id() {
        remove_older(client, name, Some(current), limit).await?;
    }
    Ok(WriteOutcome::Written)
}

/// Deletes an object, and in a bucket that keeps versions all of them.
///
/// # Errors
/// When the content may still be there.
pub async fn remove(
    client: &S3Client,
    name: &ObjectRef,
    limit: Duration,
) -> Result<(), ReplaceError> {
    let output = client
        .delete_object()
        .bucket(&name.bucket)
        .key(&name.key)
        .customize()
        .config_override(within(limit))
        .send()
        .await
        .map_err(|error| versions_error(name, error))?;
    if output.version_id().is_some() {
        remove_older(client, name, None, limit).await?;
    }
    Ok(())
}

async fn remove_older(
    client: &S3Client,
    name: &ObjectRef,
    current: Option<&str>,
    limit: Duration,
) -> Result<(), ReplaceError> {
    let page = client
        .list_object_versions()
        .bucket(&name.bucket)
        .prefix(&name.key)
        .customize()
        .config_override(within(limit))
        .send()
        .await
        .map_err(|error| versions_error(name, error))?;
    let versions = page.versions().iter().map(|version| {
        let is_own = version.key() == Some(name.key.as_str());
        version.version_id().filter(|_| is_own)
    });
    let marks = page.delete_markers().iter().map(|mark| {
        let is_own = mark.key() == Some(name.key.as_str());
        mark.version_id().filter(|_| is_own)
    });
    for version in versions.chain(marks).flatten() {
        if Some(version) == current {
            continue;
        }
        client
            .delete_object()
            .bucket(&name.bucket)
            .key(&name.key)
            .version_id(version)
            .customize()
            .config_override(within(limit))
            .send()
            .await
            .map_err(|error| versions_error(name, error))?;
    }
    Ok(())
}

fn versions_error<E>(name: &ObjectRef, error: SdkError<E>) -> ReplaceError
where
    SdkError<E>: std::error::Error + Send + Sync + 'static,
{
    ReplaceError::Versions {
        name: name.clone(),
        source: Box::new(error),
    }
}

fn is_changed<E: std::error::Error>(error: &SdkError<E>) -> bool {
    matches!(http_status(error), Some(404 | 409 | 412))
}
