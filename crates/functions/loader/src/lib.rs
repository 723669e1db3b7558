#![doc = include_str!("../README.md")]

mod config;
mod invocation;
mod object;

pub use config::{Config, Deps};
pub use invocation::handle;
