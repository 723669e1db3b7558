#![doc = include_str!("../README.md")]

mod body;
mod body_error;
mod collected;
mod config;
mod envelope;
mod event;
mod keys;
mod members;
mod position;
mod records;
mod router;
mod sender;
mod walk;

pub use config::{Config, Deps};
pub use router::{ROUTES, router};
