#![doc = include_str!("../README.md")]

#[cfg(feature = "athena")]
pub mod athena;
mod clients;
pub mod firehose;
pub mod gzip;
pub mod invoke;
pub mod notification;
pub mod queue;
pub mod s3;
pub mod secrets;

#[cfg(feature = "athena")]
pub use clients::AthenaClient;
pub use clients::{
    Aws, FirehoseClient, LOCAL_KEY, LambdaClient, S3Client, SecretsClient, SqsClient,
};
