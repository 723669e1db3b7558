//! The function as a service: requests as the gateway makes them in, S3 as it is (`AWS_ENDPOINT_URL`) or fails, behind.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acknowledged;
mod callers;
mod door;
mod gateway;
mod keys;
mod log_hygiene;
mod refused;
