#![doc = include_str!("../README.md")]

mod accounts;
mod audit;
mod batch_result;
mod certificate_problem;
mod certificates;
mod config;
mod connections;
mod database_url;

mod erasing;
mod error;
mod error_kind;
mod free_sql;
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
mod unfinished;
mod week;

pub use accounts::{DaySums, RejectedEvent};
pub use audit::{AuditAnswer, AuditQuery, LoadedBatch, LoadedIn};
pub use batch_result::BatchResult;
pub use certificate_problem::CertificateProblem;
pub use certificates::{CaCertificates, CaError};
pub use config::{DatabaseConfig, Planning};
pub use database_url::UrlError;
pub use erasing::{Candidates, RejectedRow};
pub use error::StoreError;
pub use error_kind::ErrorKind;
pub use free_sql::{FreeAnswer, FreeColumn, FreeSql, FreeSqlError};
pub use load::{LoadOutcome, copy_file};
pub use login::{Login, LoginError};
pub use maintenance::{Maintenance, MergeReport, Merging, Report};
pub use metadata_key::{MetadataKey, MetadataKeyError};
pub use read::{Chunk, EventRow, GroupRow};
pub use store::Store;
