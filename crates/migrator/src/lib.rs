#![doc = include_str!("../README.md")]

mod answer;
mod config;
mod invocation;
mod request;

pub use answer::AnswerError;
pub use config::{Config, ConfigError, Deps};
pub use invocation::{HandleError, handle};
