//! The function with a bucket of its own (`AWS_ENDPOINT_URL`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deep;
mod killed;
mod places;
mod rig;
