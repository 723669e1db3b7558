//! Real payloads and signature vectors of every sender, and each trap of their contracts by name.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bounds;
mod deliveries;
mod junk;
mod malformed;
mod proofs;
mod recipe_signatures;
mod recipes;
mod samples;
mod signatures;
mod sns;
mod traps;
