//! The operator's commands: they send, query, replay and report, for the local stack or one deployed into AWS, and never start or stop
//! one.

pub(crate) mod audit;
pub(crate) mod backfill;
pub(crate) mod cost;
pub(crate) mod env;
pub(crate) mod erase;
pub(crate) mod events;
pub(crate) mod forward;
pub(crate) mod generate;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod logs;
pub(crate) mod open;
pub(crate) mod query;
pub(crate) mod redrive;
pub(crate) mod rejected;
pub(crate) mod replay;
pub(crate) mod send;
pub(crate) mod senders;
pub(crate) mod sql;
pub(crate) mod status;

/// The longest `--wait`, a week: longer than anything takes, and short enough to be added to any time.
const MAX_WAIT_SECONDS: u64 = 604_800;

mod api;
#[cfg(test)]
mod follow_ups;
mod keys_secret;
mod moment;
mod number;
mod once;
mod pace;
mod patience;
mod raw_batch;
mod recorded;
mod resume;
mod target;
mod webhook;
