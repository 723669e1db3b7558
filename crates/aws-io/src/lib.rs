#![doc = include_str!("../README.md")]

#[cfg(feature = "athena")]
pub mod athena;
mod clients;
pub mod disposition;
pub mod firehose;
pub mod functions;
pub mod gzip;
pub mod notice;
pub mod queue;
pub mod rejected;
pub mod s3;
pub mod secrets;
mod time_budget;

#[cfg(feature = "athena")]
pub use clients::AthenaClient;
pub use clients::{
    Aws, FirehoseClient, LOCAL_KEY, LambdaClient, S3Client, SecretsClient, SqsClient,
};
pub use disposition::{Disposition, Outcomes, Rejection};
pub use time_budget::TimeBudget;
