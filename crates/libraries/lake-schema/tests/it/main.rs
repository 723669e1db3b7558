//! template.yaml against the definitions here.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod partitions;
mod projection;
mod tables;
mod template;
