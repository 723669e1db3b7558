//! Conditional writes of objects that several writers change: a write names the version that it replaces, and of two concurrent
//! writes one succeeds.

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::time::timeout;

use super::{GetError, ObjectRef, PutError, collect_capped, http_status, send_get, within};
use crate::S3Client;

/// The version of an object that was read, or that it does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(Option<String>);

/// The outcome of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The object was written.
    Written,
    /// The object has another version and is unchanged. That may be this very write, if an earlier attempt of the call was stored and
    /// only its response was lost: read the object again.
    Changed,
}

/// Reads an object of at most `max_bytes` and its version, within `limit` in all. `None` if it does not exist.
pub async fn read(
    client: &S3Client,
    name: &ObjectRef,
    max_bytes: usize,
    limit: Duration,
) -> Result<(Option<Vec<u8>>, Version), GetError> {
    let read = async {
        match send_get(client, name, limit).await {
            Ok(output) => {
                let version = Version(output.e_tag().map(str::to_owned));
                let bytes = collect_capped(output, name, max_bytes).await?;
                Ok((Some(bytes), version))
            }
            Err(GetError::Missing { .. }) => Ok((None, Version(None))),
            Err(error) => Err(error),
        }
    };
    timeout(limit, read).await.unwrap_or_else(|_| {
        Err(GetError::Timeout {
            name: name.clone(),
            limit,
        })
    })
}

/// Replaces the version of an object that was read, within `limit` in all.
///
/// Rests on `If-Match` and `If-None-Match: *`
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>): 412 means another version, 404 a
/// deleted object, 409 a concurrent write.
pub async fn write(
    client: &S3Client,
    name: &ObjectRef,
    body: Bytes,
    content_type: &'static str,
    expected: &Version,
    limit: Duration,
) -> Result<WriteOutcome, PutError> {
    let request = client
        .put_object()
        .bucket(&name.bucket)
        .key(&name.key)
        .content_type(content_type)
        .body(ByteStream::from(body));
    let request = match &expected.0 {
        Some(etag) => request.if_match(etag),
        None => request.if_none_match("*"),
    };
    let sent = timeout(
        limit,
        request.customize().config_override(within(limit)).send(),
    )
    .await;
    match sent {
        Ok(Ok(_)) => Ok(WriteOutcome::Written),
        Ok(Err(error)) => match http_status(&error) {
            Some(404 | 409 | 412) => Ok(WriteOutcome::Changed),
            _ => Err(PutError::Service {
                name: name.clone(),
                source: Box::new(error),
            }),
        },
        Err(_) => Err(PutError::Timeout {
            name: name.clone(),
            limit,
        }),
    }
}
