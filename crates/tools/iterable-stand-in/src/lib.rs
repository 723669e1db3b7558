#![doc = include_str!("../README.md")]

mod behaviour;
mod check;
mod fault;
mod pace;
mod received;
mod response;
mod routes;
mod stand_in;

pub use behaviour::{Behaviour, Change};
pub use fault::{Fault, RandomFaults, ScriptedFault};
pub use received::{Arrival, Counts};
pub use routes::{router, serve};
pub use stand_in::StandIn;
