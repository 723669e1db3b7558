#![doc = include_str!("../README.md")]

mod credential;
mod key_cache;
pub mod keys;
mod last_read;
mod network;
mod scope;
pub mod token;

pub use credential::presented_key;
pub use key_cache::{KeyCache, KeysError, MIN_AGE, read_current_keys, read_keys};
pub use keys::{Admission, SENDERS};
pub use last_read::LastRead;
pub use network::{NetworkError, Networks};
pub use scope::Scope;
