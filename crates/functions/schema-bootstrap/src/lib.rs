#![doc = include_str!("../README.md")]

mod config;
mod forward_request;

pub use config::{Config, Deps};
pub use forward_request::{ForwardError, handle};
