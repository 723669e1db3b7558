//! The crate from outside: query strings in, SQL and response bodies out.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod blank;
mod links;
mod recorded;
mod sql;
