#![doc = include_str!("../README.md")]

mod batch_key;
mod event_key;
pub mod forwarding;
pub mod iterable;
pub mod mparticle;
pub mod sparkpost;
mod timestamp;

pub use batch_key::{BatchKey, ObjectKeyError};
pub use event_key::{EventKey, ParseEventKeyError};
pub use timestamp::Timestamp;
