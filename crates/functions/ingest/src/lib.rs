#![doc = include_str!("../README.md")]

mod body;
mod caller;
mod config;
mod delivery;
mod router;
mod sns;
mod store;
mod unverified;

pub use config::{Config, Deps};
pub use router::{ROUTES, router};
pub use sns::Sns;
