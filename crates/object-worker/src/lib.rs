#![doc = include_str!("../README.md")]

mod order;
mod settled;
mod worker;

pub use settled::{Counts, Failure};
pub use worker::{OtherBuckets, Worker};
