#![doc = include_str!("../README.md")]

mod compaction;
mod config;
mod invocation;
mod lake_store;
mod manifest;
mod object;

pub use compaction::{Policy, Report, compact};
pub use config::{Config, Deps};
pub use invocation::{handle, handle_schedule};
pub use lake_store::LakeStoreError;
