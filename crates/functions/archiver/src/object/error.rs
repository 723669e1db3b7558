//! Errors of archiving one object.

use std::io;

use aws_io::s3::{GetError, PutError};
use erasure::ListError;
use lake_files::ConvertError;
use object_worker::Rejection;
use sender_recipes::DeliveryError;
use time::Date;
use tokio::task::JoinError;

use crate::lake_store::LakeStoreError;

/// Why an object is not in the lake.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectError {
    /// The object could not be read.
    #[error(transparent)]
    Get(#[from] GetError),
    /// Its rows would be in days that no query reads. An operator has to decide, so the message stays in the queue.
    #[error("{key} arrived on {arrival_day}, before LAKE_FIRST_DAY ({first_day})")]
    BeforeFirstDay {
        key: String,
        arrival_day: Date,
        first_day: Date,
    },
    /// This version has no table for it.
    #[error("{key} belongs to table {table}, which does not exist")]
    NoTable { key: String, table: &'static str },
    #[error("converting {key}")]
    Convert { key: String, source: ConvertError },
    #[error("creating a scratch file")]
    Disk(#[from] io::Error),
    #[error("the conversion thread failed")]
    Thread(#[from] JoinError),
    /// Who sent it is not known.
    #[error(transparent)]
    Sender(#[from] DeliveryError),
    /// Whether it has events of erased people is not known.
    #[error("leaving erased people out")]
    Erased(#[from] ListError),
    /// Its rejected lines could not be stored.
    #[error(transparent)]
    Rejections(#[from] PutError),
    /// Its parts could not be stored.
    #[error(transparent)]
    Store(#[from] LakeStoreError),
}

impl ObjectError {
    /// Why the object can never be archived; `None` when another attempt may succeed.
    pub(crate) fn rejection(&self, own_bucket: &str) -> Option<Rejection> {
        match self {
            // A refusal by the function's own bucket can be corrected by a deployment. Another bucket is a mistake, or access is
            // granted later and the object is replayed then.
            Self::Get(error) if error.is_refused() && error.name().bucket != own_bucket => {
                Some(Rejection {
                    reason: "other_bucket",
                    detail: function_kit::chain(error).to_string(),
                })
            }
            // The archive is the source of truth: an object that is deleted before it was converted is a loss that must be reported.
            Self::Get(error @ GetError::Missing { .. }) => Some(Rejection {
                reason: "object_missing",
                detail: function_kit::chain(error).to_string(),
            }),
            Self::Sender(DeliveryError::Unknown(unknown)) => Some(Rejection {
                reason: "unknown_sender",
                detail: unknown.to_string(),
            }),
            Self::Get(_)
            | Self::Sender(DeliveryError::List(_))
            | Self::BeforeFirstDay { .. }
            | Self::NoTable { .. }
            | Self::Convert { .. }
            | Self::Disk(_)
            | Self::Thread(_)
            | Self::Erased(_)
            | Self::Rejections(_)
            | Self::Store(_) => None,
        }
    }
}
