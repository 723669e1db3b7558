#![doc = include_str!("../README.md")]

mod authorize;
mod config;
mod credential;
mod key_cache;
pub mod keys;
mod scope;

pub use authorize::{AuthorizerRequest, AuthorizerResponse, authorize, handle};
pub use config::{Config, Deps};
pub use key_cache::{KeyCache, KeysError};
pub use scope::Scope;
