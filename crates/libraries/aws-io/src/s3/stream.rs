//! Objects that are too large for memory.

use std::{
    io::{self, Read},
    time::Duration,
};

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Buf, Bytes};
use time::OffsetDateTime;
use tokio::{runtime::Handle, time::timeout};

use super::{GetError, ObjectRef, replace::Replaced, send_get, to_time};
use crate::S3Client;

/// An object whose bytes are read later.
#[derive(Debug)]
pub struct OpenObject {
    /// Its size, as stored.
    pub size_bytes: u64,
    /// When it was written.
    pub last_modified: Option<OffsetDateTime>,
    /// For replacing it.
    pub replaced: Replaced,
    body: ByteStream,
}

/// Reads the bytes of an object on a thread that may block.
#[derive(Debug)]
pub struct BlockingBody {
    runtime: Handle,
    body: ByteStream,
    chunk: Bytes,
    /// The time limit of one chunk.
    limit: Duration,
}

/// Opens an object. `limit` is the time limit of the response's start.
pub async fn open(
    client: &S3Client,
    name: &ObjectRef,
    limit: Duration,
) -> Result<OpenObject, GetError> {
    let output = send_get(client, name, limit).await?;
    Ok(OpenObject {
        replaced: Replaced::of(&output),
        size_bytes: output
            .content_length()
            .and_then(|length| u64::try_from(length).ok())
            .unwrap_or(0),
        last_modified: output.last_modified().and_then(to_time),
        body: output.body,
    })
}

impl OpenObject {
    /// A reader for a blocking thread (`tokio::task::spawn_blocking`). Must be called inside the runtime. `limit` is the time limit of one
    /// chunk: a stalled connection is an error.
    pub fn into_blocking(self, limit: Duration) -> BlockingBody {
        BlockingBody {
            runtime: Handle::current(),
            body: self.body,
            chunk: Bytes::new(),
            limit,
        }
    }
}

impl Read for BlockingBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            let next = async { timeout(self.limit, self.body.next()).await };
            match self.runtime.block_on(next) {
                Ok(Some(Ok(chunk))) => self.chunk = chunk,
                // `Other`, so that no caller mistakes a broken connection for corrupt content.
                Ok(Some(Err(error))) => return Err(io::Error::other(error)),
                Err(elapsed) => return Err(io::Error::other(elapsed)),
                Ok(None) => return Ok(0),
            }
        }
        let len = buffer.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut buffer[..len]);
        Ok(len)
    }
}
