//! The operator's commands: they send, query, replay and report, for the local stack or one deployed into AWS, and never start or stop
//! one.

pub(crate) mod cost;
pub(crate) mod env;
pub(crate) mod forward;
pub(crate) mod generate;
pub(crate) mod keys;
pub(crate) mod query;
pub(crate) mod replay;
pub(crate) mod send;
pub(crate) mod status;

mod target;
mod webhook;
