//! Schedules of the functions with models of what they call, and what must hold in each.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod actor;
mod broken;
mod bucket;
mod call;
mod clock;
mod connector;
mod destination;
mod dice;
mod fault;
mod forward;
mod functions;
mod invariants;
mod item;
mod lake;
mod process;
mod query;
mod queue;
mod reader;
#[path = "../../../../libraries/lake-files/tests/it/rows.rs"]
mod rows;
mod schedules;
mod sender;
mod service;
mod sqs;
mod world;
