//! Why an erasure does not go on now.

use std::io;

use aws_io::s3::{
    GetError, PutError,
    listing::{DeleteError, ListError},
    replace::ReplaceError,
};
use erasure::{ListError as TombstoneError, PersonError, TombstonesError};
use event_store::StoreError;
use tokio::task::JoinError;

/// Why an erasure does not go on now. The next invocation continues where it was.
#[derive(Debug, thiserror::Error)]
pub enum EraserError {
    /// The request is wrong. The text repeats no name.
    #[error("{0}")]
    Request(String),
    /// The names are not a person's.
    #[error(transparent)]
    Person(#[from] PersonError),
    /// The list of erased people cannot be read.
    #[error(transparent)]
    Tombstones(#[from] TombstoneError),
    /// The recipes of senders cannot be read.
    #[error(transparent)]
    Senders(#[from] sender_recipes::ListError),
    /// The key of the list is damaged.
    #[error(transparent)]
    Key(#[from] TombstonesError),
    /// An object cannot be read.
    #[error(transparent)]
    Get(#[from] GetError),
    /// An object cannot be written.
    #[error(transparent)]
    Put(#[from] PutError),
    /// An object cannot be replaced.
    #[error(transparent)]
    Replace(#[from] ReplaceError),
    /// The bucket cannot be listed.
    #[error(transparent)]
    List(#[from] ListError),
    /// Objects cannot be deleted.
    #[error(transparent)]
    Delete(#[from] DeleteError),
    /// The database cannot be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was written down of an erasure is not what this function writes.
    #[error("{key} cannot be read")]
    Damaged {
        /// The object.
        key: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Another invocation works on the same erasure.
    #[error("another invocation has written {key}")]
    Overtaken {
        /// The object that both wanted to write.
        key: String,
    },
    /// Something was found in every pass that is allowed, so something brings the person back. The receipt says where.
    #[error(
        "erasure {id} has ended and the last pass still found something; its receipt says where, and `cistern erase verify` searches again"
    )]
    Incomplete {
        /// The erasure.
        id: String,
    },
    /// Raw objects that were noted have items of erased people and cannot be rewritten. Their notes stay, and the log names them.
    #[error(
        "{count} raw objects with items of erased people cannot be rewritten; the log names them, and their notes stay"
    )]
    Late {
        /// How many there are.
        count: u64,
    },
    /// The disk failed.
    #[error("keeping a file on the disk")]
    Disk(#[from] io::Error),
    /// The thread that reads files failed.
    #[error("the thread that reads files failed")]
    Thread(#[from] JoinError),
}
