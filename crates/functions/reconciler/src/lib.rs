#![doc = include_str!("../README.md")]

mod api;
mod config;
mod decision;
mod invocation;
mod reconcile;
mod record;

pub use config::{Config, Deps};
pub use invocation::handle;
pub use reconcile::ReconcileError;
