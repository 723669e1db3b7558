#![doc = include_str!("../README.md")]

mod answer;
mod config;
mod error;
mod marks;
mod request;
mod retry;
mod router;

pub use config::{Config, Deps};
pub use router::{ROUTES, router};
