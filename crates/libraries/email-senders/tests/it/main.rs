//! Real payloads and signature vectors of every sender, and each trap of their contracts by name.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deliveries;
mod junk;
mod proofs;
mod samples;
mod signatures;
mod traps;
