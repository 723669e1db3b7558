//! The function as a service, with S3 and SQS of the emulator (`AWS_ENDPOINT_URL`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod refused;
mod retried;
mod rig;
mod settled;
