#![doc = include_str!("../README.md")]

mod behaviour;
mod cluster;
mod proxy;
mod role;
mod wire;

pub use behaviour::Behaviour;
pub use cluster::{Cluster, Logins};
pub use proxy::Proxy;
pub use role::password_sql;
