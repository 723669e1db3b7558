#![doc = include_str!("../README.md")]

mod clients;
pub mod disposition;
pub mod gzip;
pub mod notice;
pub mod queue;
pub mod rejected;
pub mod s3;
pub mod secrets;

pub use clients::{Aws, S3Client, SecretsClient, SqsClient};
pub use disposition::{Disposition, Outcomes, Rejection};
