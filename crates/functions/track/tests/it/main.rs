//! The function as a service: requests in the form of both gateways, and a stand-in for Firehose that accepts or refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accepted;
mod browsers;
mod firehose;
mod gateways;
mod ids;
mod keys;
mod libraries;
mod outages;
mod rig;
