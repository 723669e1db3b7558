//! From raw bytes to Parquet and back, in memory.

#![expect(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking, may take its time, and knows its numbers"
)]

mod app_events;
mod conversion;
mod dirty;
mod erasing;
mod lake;
mod merging;
mod metadata;
mod months;
mod properties;
mod rows;
mod sources;
