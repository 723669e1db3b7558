//! The function over a real secret in a local Secrets Manager (`AWS_ENDPOINT_URL`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod event;
mod log_hygiene;
mod rig;
mod rotation;
mod token;
mod unreadable;
