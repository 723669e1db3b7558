#![doc = include_str!("../README.md")]

mod disposition;
mod order;
mod outcome;
mod rejected;
mod time_budget;
mod worker;

pub use outcome::{EventMetrics, Failure, Rejection};
pub use rejected::write_rejected;
pub use time_budget::{Shares, TimeBudget};
pub use worker::{OtherBuckets, Worker};
