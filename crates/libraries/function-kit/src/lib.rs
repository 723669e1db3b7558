#![doc = include_str!("../README.md")]

pub mod capture;
pub mod content_encoding;
pub mod env;
pub mod error;
pub mod gateway;
pub mod http;
pub mod log;
pub mod metrics;

pub use content_encoding::ContentEncoding;
pub use env::{Env, EnvError};
pub use error::{BoxError, chain, exit};
pub use gateway::serve;
pub use http::ApiError;
pub use log::init as init_tracing;
