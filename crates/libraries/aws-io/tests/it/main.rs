//! The calls of this crate against a local AWS endpoint (`AWS_ENDPOINT_URL`), and against servers that fail.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod collections;
mod endpoint;
mod objects;
mod outages;
mod secrets;
