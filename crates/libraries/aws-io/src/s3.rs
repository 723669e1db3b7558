//! Objects: create-only writes, and reads with a limit on the size.
//!
//! Exceptions: [`stream`] reads large objects, [`listing`] finds and deletes objects, [`copy`] copies them, and [`conditional_put`] is for
//! the few objects that several writers change, which [`cached`] keeps in memory.

pub mod cached;
pub mod conditional_put;
pub mod copy;
mod error;
pub mod listing;
pub mod replace;
pub mod stream;

use std::{error::Error, fmt, path::Path, time::Duration};

use aws_sdk_s3::{
    config::timeout::TimeoutConfig,
    error::SdkError,
    operation::{
        get_object::{GetObjectError, GetObjectOutput},
        put_object::PutObjectError,
    },
    primitives::{ByteStream, DateTime},
};
use bytes::Bytes;
use time::OffsetDateTime;
use tokio::time::{sleep, timeout};

pub use self::error::{GetError, PutError};
use crate::S3Client;

/// Attempts of a create-only write while S3 reports a concurrent write of the same key.
const CONFLICT_ATTEMPTS: u32 = 4;
const CONFLICT_BACKOFF: Duration = Duration::from_millis(100);
/// Attempts of the SDK that share a call's limit, so that one that hangs leaves time for the next.
const ATTEMPTS_PER_LIMIT: u32 = 3;

/// The name of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    /// The bucket's name.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// An object to be created.
#[derive(Clone, Debug)]
pub struct NewObject {
    /// Its name.
    pub name: ObjectRef,
    /// Its content.
    pub body: Bytes,
    /// The media type of `body`.
    pub content_type: &'static str,
    /// User metadata (`x-amz-meta-…`): lower-case names, printable ASCII values.
    pub metadata: Vec<(&'static str, String)>,
}

/// The outcome of a create-only write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// The object is new.
    Created,
    /// An object of that name existed and is unchanged. Also returned if an earlier attempt of the same call was stored and only its
    /// response was lost.
    AlreadyThere,
}

/// A create-only write, of which several attempts may be made.
struct Put<'a> {
    name: &'a ObjectRef,
    content: Content<'a>,
    content_type: &'static str,
    metadata: &'a [(&'static str, String)],
}

/// The source of a new object's bytes.
enum Content<'a> {
    Bytes(&'a Bytes),
    File(&'a Path),
}

/// Creates `object` unless an object of that name exists, within `limit` in all.
///
/// Rests on `If-None-Match: *` (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>): 412 means that
/// the object exists; 409 means a concurrent write, after which this one is tried again.
pub async fn put_new(
    client: &S3Client,
    object: &NewObject,
    limit: Duration,
) -> Result<PutOutcome, PutError> {
    let put = Put {
        name: &object.name,
        content: Content::Bytes(&object.body),
        content_type: object.content_type,
        metadata: &object.metadata,
    };
    put_until_settled(client, &put, limit).await
}

/// Creates the object `name` from the file at `path` unless an object of that name exists, within `limit` in all.
pub async fn put_new_file(
    client: &S3Client,
    name: &ObjectRef,
    path: &Path,
    content_type: &'static str,
    limit: Duration,
) -> Result<PutOutcome, PutError> {
    let put = Put {
        name,
        content: Content::File(path),
        content_type,
        metadata: &[],
    };
    put_until_settled(client, &put, limit).await
}

async fn put_until_settled(
    client: &S3Client,
    put: &Put<'_>,
    limit: Duration,
) -> Result<PutOutcome, PutError> {
    let settled = async {
        let mut attempt = 1;
        loop {
            let error = match put_once(client, put, limit).await? {
                Ok(()) => return Ok(PutOutcome::Created),
                Err(error) => error,
            };
            match http_status(&error) {
                Some(412) => return Ok(PutOutcome::AlreadyThere),
                Some(409) if attempt < CONFLICT_ATTEMPTS => {
                    sleep(CONFLICT_BACKOFF * attempt).await;
                }
                _ => {
                    return Err(PutError::Service {
                        name: put.name.clone(),
                        source: Box::new(error),
                    });
                }
            }
            attempt += 1;
        }
    };
    timeout(limit, settled).await.unwrap_or_else(|_| {
        Err(PutError::Timeout {
            name: put.name.clone(),
            limit,
        })
    })
}

/// One attempt: the response of S3, or an error if the file cannot be read.
async fn put_once(
    client: &S3Client,
    put: &Put<'_>,
    limit: Duration,
) -> Result<Result<(), SdkError<PutObjectError>>, PutError> {
    let body = match put.content {
        Content::Bytes(bytes) => ByteStream::from(bytes.clone()),
        Content::File(path) => {
            ByteStream::from_path(path)
                .await
                .map_err(|source| PutError::File {
                    path: path.to_owned(),
                    source,
                })?
        }
    };
    let mut request = client
        .put_object()
        .bucket(&put.name.bucket)
        .key(&put.name.key)
        .if_none_match("*")
        .content_type(put.content_type)
        .body(body);
    for (name, value) in put.metadata {
        request = request.metadata(*name, value);
    }
    let sent = request
        .customize()
        .config_override(within(limit))
        .send()
        .await;
    Ok(sent.map(|_| ()))
}

/// Reads an object of at most `max_bytes`, within `limit` in all.
pub async fn get_capped(
    client: &S3Client,
    name: &ObjectRef,
    max_bytes: usize,
    limit: Duration,
) -> Result<Vec<u8>, GetError> {
    timeout(limit, get_all(client, name, max_bytes, limit))
        .await
        .unwrap_or_else(|_| {
            Err(GetError::Timeout {
                name: name.clone(),
                limit,
            })
        })
}

/// Reads at most `max_bytes` of an object from the byte `from` on, within `limit` in all; nothing where it has no such byte.
pub async fn get_range(
    client: &S3Client,
    name: &ObjectRef,
    from: u64,
    max_bytes: usize,
    limit: Duration,
) -> Result<Vec<u8>, GetError> {
    /// `InvalidRange`: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
    const RANGE_NOT_SATISFIABLE: u16 = 416;

    let last = from.saturating_add(u64::try_from(max_bytes).unwrap_or(u64::MAX)) - 1;
    let read = async {
        let sent = client
            .get_object()
            .bucket(&name.bucket)
            .key(&name.key)
            .range(format!("bytes={from}-{last}"))
            .customize()
            .config_override(within(limit))
            .send()
            .await;
        match sent {
            Ok(output) => collect_capped(output, name, max_bytes).await,
            Err(error) if http_status(&error) == Some(RANGE_NOT_SATISFIABLE) => Ok(Vec::new()),
            Err(error) => Err(get_error(name, error)),
        }
    };
    timeout(limit, read).await.unwrap_or_else(|_| {
        Err(GetError::Timeout {
            name: name.clone(),
            limit,
        })
    })
}

async fn get_all(
    client: &S3Client,
    name: &ObjectRef,
    max_bytes: usize,
    limit: Duration,
) -> Result<Vec<u8>, GetError> {
    let output = send_get(client, name, limit).await?;
    collect_capped(output, name, max_bytes).await
}

async fn send_get(
    client: &S3Client,
    name: &ObjectRef,
    limit: Duration,
) -> Result<GetObjectOutput, GetError> {
    let sent = client
        .get_object()
        .bucket(&name.bucket)
        .key(&name.key)
        .customize()
        .config_override(within(limit))
        .send()
        .await;
    sent.map_err(|error| get_error(name, error))
}

fn get_error(name: &ObjectRef, error: SdkError<GetObjectError>) -> GetError {
    match error.as_service_error() {
        Some(GetObjectError::NoSuchKey(_)) => GetError::Missing { name: name.clone() },
        _ => GetError::Service {
            name: name.clone(),
            source: Box::new(error),
        },
    }
}

async fn collect_capped(
    output: GetObjectOutput,
    name: &ObjectRef,
    max_bytes: usize,
) -> Result<Vec<u8>, GetError> {
    let too_large = || GetError::TooLarge {
        name: name.clone(),
        max_bytes,
    };
    let length = output
        .content_length()
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(0);
    if length > max_bytes {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(length);
    let mut body = output.body;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|source| GetError::Body {
            name: name.clone(),
            source,
        })?;
        if bytes.len() + chunk.len() > max_bytes {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn to_time(time: &DateTime) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(time.secs()).ok()
}

fn within(limit: Duration) -> aws_sdk_s3::config::Builder {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(limit)
        .operation_attempt_timeout(limit / ATTEMPTS_PER_LIMIT)
        .build();
    aws_sdk_s3::config::Builder::new().timeout_config(timeouts)
}

fn http_status<E: Error>(error: &SdkError<E>) -> Option<u16> {
    error
        .raw_response()
        .map(|response| response.status().as_u16())
}
