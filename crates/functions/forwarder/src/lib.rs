#![doc = include_str!("../README.md")]

mod backlog;
mod backoff;
mod chunk;
mod config;
mod courier;
mod decision;
mod deps;
pub mod destination;
mod drain;
mod flow;
mod intake;
mod invocation;
mod packing;
mod release;
mod report;
mod return_desk;
mod run;
mod settlement;
mod storage;
mod suspects;
mod window;

pub use config::{Config, DestinationConfig, SettingsError};
pub use deps::{Deps, DestinationError};
pub use invocation::{RunError, handle};
pub use release::Hiding;
pub use report::{EventCounts, MessageCounts, RunEnd, RunReport};
pub use run::{Run, RunSettings};
pub use settlement::UnknownUsers;
pub use window::Window;
