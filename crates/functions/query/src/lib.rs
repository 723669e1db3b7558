#![doc = include_str!("../README.md")]

mod audit;
mod config;
mod counts;
mod error;
mod health;
mod meta;
mod page;
mod page_body;
mod rejected;
mod router;
mod search;
mod sql;
mod sums;
mod whole_body;

pub use config::{Config, Deps};
pub use rejected::RejectedObjects;
pub use router::{ROUTES, router};
