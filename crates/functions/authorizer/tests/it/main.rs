//! The function over a real secret in a local Secrets Manager (`AWS_ENDPOINT_URL`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod gate;
mod log_hygiene;
mod question;
mod rotation;
mod token;
mod unreadable;
