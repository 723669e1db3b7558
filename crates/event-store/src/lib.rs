#![doc = include_str!("../README.md")]

mod config;
mod connections;
mod error;
mod iam_token;
mod load;
mod login;
mod maintenance;
mod metadata_key;
mod migrate;
mod operation;
mod partition;
mod read;
mod retry;
mod roles;
mod store;
mod week;

pub use config::{DatabaseConfig, Planning};
pub use error::StoreError;
pub use load::{LoadOutcome, copy_file};
pub use login::{Login, LoginError};
pub use maintenance::{Maintenance, MergeReport, Merging, Report};
pub use metadata_key::{MetadataKey, MetadataKeyError};
pub use read::{EventRow, GroupRow};
pub use store::Store;
