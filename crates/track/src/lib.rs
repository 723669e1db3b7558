#![doc = include_str!("../README.md")]

mod body;
mod config;
mod event;
mod records;
mod router;

pub use config::{Config, Deps};
pub use router::{ROUTES, router};
