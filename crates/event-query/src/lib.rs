#![doc = include_str!("../README.md")]

mod address;
pub mod answer;
mod cursor;
mod error;
mod filter;
mod instant;
mod parameter;
mod query;
mod query_string;
mod render;
mod shape;
mod statement;
mod zone;

pub use cursor::Position;
pub use error::ParamError;
pub use query::{EventQuery, TimeRange, Total};
pub use shape::{ShapeError, write_event};
pub use statement::{Bind, Statement};
