#![doc = include_str!("../README.md")]

mod body;
mod caller;
mod config;
mod router;
mod store;

pub use config::{Config, Deps};
pub use router::{ROUTES, router};
