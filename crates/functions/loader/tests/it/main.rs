//! The function with a real S3 (`AWS_ENDPOINT_URL`) and a real Postgres (`DATABASE_URL`, on which databases may be
//! created), and with ones that are unavailable.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deadline;
mod erased;
mod loaded;
mod log_hygiene;
mod outage;
mod recipes;
mod rejected;
mod restore;
mod rig;
