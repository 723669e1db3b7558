#![doc = include_str!("../README.md")]

mod compaction;
mod config;
mod invocation;
mod object;
mod stored;

pub use compaction::{Policy, Report, compact};
pub use config::{Config, Deps};
pub use invocation::{handle, handle_schedule};
pub use stored::StoredError;
