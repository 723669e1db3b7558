#![doc = include_str!("../README.md")]

mod config;
mod counts;
mod error;
mod health;
mod meta;
mod page;
mod page_body;
mod router;
mod search;

pub use config::{Config, Deps};
pub use router::{ROUTES, router};
