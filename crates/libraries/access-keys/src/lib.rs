#![doc = include_str!("../README.md")]

mod credential;
mod key_cache;
pub mod keys;
mod network;
mod scope;
pub mod token;

pub use credential::presented_key;
pub use key_cache::{KeyCache, KeysError, MIN_AGE};
pub use keys::Admission;
pub use network::{NetworkError, Networks};
pub use scope::Scope;
