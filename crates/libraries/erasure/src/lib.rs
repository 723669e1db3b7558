#![doc = include_str!("../README.md")]

mod app;
mod email;
mod mention;
mod person;
mod product;
mod rejected;
mod rewrite;
mod text;
mod verdict;

pub use person::{MAX_IDENTIFIERS, Person, PersonError};
pub use rejected::rewrite_rejected;
pub use rewrite::{Found, RewriteError, Rewritten, rewrite};
pub use verdict::{Verdict, verdict_of};
