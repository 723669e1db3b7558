//! The two functions on a real S3 (`AWS_ENDPOINT_URL`), and on one that is away.

mod archives;
mod archiving;
mod closing;
mod log_hygiene;
mod queries;
mod rig;
