//! The function as a service: requests in the gateway's form, with a real S3 (`AWS_ENDPOINT_URL`) or a failing one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acknowledged;
mod callers;
mod deliveries;
mod gateway;
mod keys;
mod log_hygiene;
mod recipes;
mod refused;
mod rig;
mod sns;
