//! The function between a real queue and bucket (`AWS_ENDPOINT_URL`) and a stand-in for Iterable.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounting;
mod age;
mod bodies;
mod disorder;
mod erased;
mod generic_http;
mod invocation;
mod log_hygiene;
mod order;
mod outage;
mod provider_batches;
mod rejected;
mod rig;
mod twice;
mod unknown_users;
