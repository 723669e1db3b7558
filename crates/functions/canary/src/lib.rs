#![doc = include_str!("../README.md")]

mod config;
mod probe;

pub use config::{Config, Deps};
pub use probe::{ProbeError, handle};
