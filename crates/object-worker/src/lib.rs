#![doc = include_str!("../README.md")]

mod settled;
mod worker;

pub use settled::{Counts, Failure};
pub use worker::Worker;
