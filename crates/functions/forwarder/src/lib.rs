#![doc = include_str!("../README.md")]

mod acknowledger;
mod backlog;
mod backoff;
mod call_index;
mod chunk;
mod config;
mod decision;
mod deps;
pub mod destination;
mod dispatcher;
mod drain;
mod execution;
mod invocation;
mod packing;
mod rate_limiter;
mod receiver;
mod report;
mod resolution;
mod resolved_message;
mod run;
mod run_deadlines;
mod storage;
mod suspects;
mod visibility;

pub use config::{Config, DestinationConfig, SettingsError};
pub use deps::{Deps, DestinationError};
pub use invocation::{RunError, handle};
pub use report::{EventCounts, MessageCounts, RunEnd, RunReport};
pub use resolution::UnknownUsers;
pub use run::{Run, RunSettings};
pub use run_deadlines::RunDeadlines;
pub use visibility::VisibilityBackoff;
