//! Tests of the crate from outside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deep;
mod lake;
mod lake_deep;
mod lines;
mod objects;
mod people;
mod properties;
