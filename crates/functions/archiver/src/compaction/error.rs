//! Errors of a run.

use std::io;

use aws_io::s3::GetError;
use function_kit::BoxError;
use lake_files::{MergeError, MonthError};
use tokio::task::JoinError;

use crate::lake_store::LakeStoreError;

/// Why a day, a month or a table cannot be compacted now.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompactionError {
    #[error(transparent)]
    LakeStore(#[from] LakeStoreError),
    #[error("reading {key}")]
    Get { key: String, source: GetError },
    #[error("merging {key}")]
    Merge { key: String, source: MergeError },
    #[error("copying {key} into its month")]
    Month { key: String, source: MonthError },
    #[error("copying {key} to the local disk")]
    Copy { key: String, source: io::Error },
    #[error("moving {key} to rejected/")]
    SetAside { key: String, source: BoxError },
    #[error("the rows of {key} exceed the memory; raise the function's MemorySize")]
    TooManyRows { key: String },
    #[error("creating a scratch directory or reading a file in it")]
    Disk(#[from] io::Error),
    #[error("the thread that reads and writes files failed")]
    Thread(#[from] JoinError),
}

impl CompactionError {
    /// Whether an object that was listed does not exist any more.
    pub(super) fn is_missing_object(&self) -> bool {
        matches!(
            self,
            Self::Get {
                source: GetError::Missing { .. },
                ..
            }
        )
    }
}
