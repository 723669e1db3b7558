#![doc = include_str!("../README.md")]

mod batch_key;
mod byte_form;
mod counts;
mod event_key;
mod instant;
pub mod json;
pub mod mparticle;
mod pipeline;
pub mod rejected;
pub mod sparkpost;
mod timestamp;

pub use batch_key::{BatchKey, ObjectKeyError, is_sender_name};
pub use byte_form::{BYTE_ORDER_MARK, ByteForm, LOOKED_AT_BYTES, skip_byte_order_marks};
pub use counts::Counts;
pub use event_key::{EventKey, ParseEventKeyError};
pub use instant::{InstantReader, instant_from_number, read_instant};
pub use pipeline::Pipeline;
pub use timestamp::Timestamp;
