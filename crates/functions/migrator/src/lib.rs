#![doc = include_str!("../README.md")]

mod config;
mod invocation;
mod request;

pub use custom_resource::ResponseError;

pub use config::{Config, ConfigError, Deps};
pub use invocation::{HandleError, handle};
