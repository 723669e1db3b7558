#![doc = include_str!("../README.md")]

mod config;
mod handover;

pub use config::{Config, Deps};
pub use handover::{HandoverError, handle};
