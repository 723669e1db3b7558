//! The function as a service: requests as both doors make them in, Firehose as it takes and refuses behind.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod browsers;
mod door;
mod firehose;
mod gateways;
mod ids;
mod keys;
mod libraries;
mod outages;
mod taken;
