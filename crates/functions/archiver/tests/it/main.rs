//! The two functions on a real S3 (`AWS_ENDPOINT_URL`), and on one that is unavailable.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod archives;
mod archiving;
mod broken_files;
mod compaction;
mod erased;
mod log_hygiene;
mod months;
mod queries;
mod recipes;
mod rig;
#[path = "../../../../libraries/lake-files/tests/it/rows.rs"]
mod rows;
