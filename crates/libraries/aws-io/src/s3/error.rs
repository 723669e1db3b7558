//! Errors of reads and writes.

use std::{path::PathBuf, time::Duration};

use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    operation::{get_object::GetObjectError, put_object::PutObjectError},
    primitives::ByteStreamError,
};

use super::{ObjectRef, http_status};

/// A write that may or may not have happened: the caller, who has the bytes, has to repeat it.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// S3 refused or could not be reached.
    #[error("writing {name}")]
    Service {
        /// The object.
        name: ObjectRef,
        /// The SDK's error.
        source: Box<SdkError<PutObjectError>>,
    },
    /// The file that should become the object cannot be read.
    #[error("reading {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The SDK's error.
        source: ByteStreamError,
    },
    /// No response within the limit.
    #[error("writing {name}: no response within {} ms", limit.as_millis())]
    Timeout {
        /// The object.
        name: ObjectRef,
        /// The limit given.
        limit: Duration,
    },
}

/// A read that returned no object.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// There is no such object.
    #[error("{name} does not exist")]
    Missing {
        /// The object.
        name: ObjectRef,
    },
    /// The object is larger than the caller's limit.
    #[error("{name} is larger than {max_bytes} bytes")]
    TooLarge {
        /// The object.
        name: ObjectRef,
        /// The limit given.
        max_bytes: usize,
    },
    /// S3 refused or could not be reached.
    #[error("reading {name}")]
    Service {
        /// The object.
        name: ObjectRef,
        /// The SDK's error.
        source: Box<SdkError<GetObjectError>>,
    },
    /// The connection broke during the transfer.
    #[error("reading the bytes of {name}")]
    Body {
        /// The object.
        name: ObjectRef,
        /// The SDK's error.
        source: ByteStreamError,
    },
    /// No complete object within the limit.
    #[error("reading {name}: not done within {} ms", limit.as_millis())]
    Timeout {
        /// The object.
        name: ObjectRef,
        /// The limit given.
        limit: Duration,
    },
}

impl GetError {
    /// The requested object.
    pub fn name(&self) -> &ObjectRef {
        match self {
            Self::Missing { name }
            | Self::TooLarge { name, .. }
            | Self::Service { name, .. }
            | Self::Body { name, .. }
            | Self::Timeout { name, .. } => name,
        }
    }

    /// Whether the bucket does not exist or may not be read. Both need a changed setting; retries do not help.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
    pub fn is_refused(&self) -> bool {
        match self {
            Self::Service { source, .. } => {
                http_status(source) == Some(403) || source.code() == Some("NoSuchBucket")
            }
            Self::Missing { .. }
            | Self::TooLarge { .. }
            | Self::Body { .. }
            | Self::Timeout { .. } => false,
        }
    }
}
