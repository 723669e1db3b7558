#![doc = include_str!("../README.md")]

#[cfg(feature = "athena")]
pub mod athena;
mod clients;
pub mod firehose;
pub mod gzip;
pub mod invoke;
#[cfg(feature = "logs")]
pub mod logs;
pub mod notification;
pub mod queue;
pub mod s3;
pub mod secrets;
pub mod sns;

#[cfg(feature = "athena")]
pub use clients::AthenaClient;
#[cfg(feature = "logs")]
pub use clients::LogsClient;
pub use clients::{
    Aws, FirehoseClient, LOCAL_KEY, LambdaClient, S3Client, SecretsClient, SqsClient,
};
