#![doc = include_str!("../README.md")]

mod cluster;
mod front;
mod wire;

pub use cluster::{Cluster, Logins};
pub use front::{Front, Manner};
