#![doc = include_str!("../README.md")]

mod beginning;
mod config;
mod error;
mod invocation;
mod job;
mod late;
mod places;
mod receipt;
mod run;
mod store;

pub use config::{Config, Deps};
pub use error::EraserError;
pub use invocation::handle;
