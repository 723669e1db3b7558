#![doc = include_str!("../README.md")]

mod certificates;
mod config;
mod connections;
mod database_url;
mod error;
mod fate;
mod iam_token;
mod load;
mod login;
mod maintenance;
mod metadata_key;
mod migrate;
mod operation;
mod partition;
mod pooler;
mod read;
mod retry;
mod roles;
mod store;
mod trouble;
mod unfinished;
mod week;

pub use certificates::{CaCertificates, CaError};
pub use config::{DatabaseConfig, Planning};
pub use database_url::UrlError;
pub use error::{CertificateProblem, StoreError};
pub use fate::BatchFate;
pub use load::{LoadOutcome, copy_file};
pub use login::{Login, LoginError};
pub use maintenance::{Maintenance, MergeReport, Merging, Report};
pub use metadata_key::{MetadataKey, MetadataKeyError};
pub use read::{EventRow, GroupRow};
pub use store::Store;
pub use trouble::Trouble;
