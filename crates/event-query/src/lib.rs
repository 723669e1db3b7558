#![doc = include_str!("../README.md")]

mod answer;
pub mod catalog;
mod counts;
mod cursor;
mod dialect;
mod error;
mod export;
mod filter;
mod format;
mod indexed_keys;
mod instant;
mod keyword;
mod links;
mod parameter;
mod query;
mod query_string;
mod render;
mod shape;
mod statement;
mod type_name;
mod writer;
mod zone;

pub use answer::{LinkForm, OPENING, closing};
pub use counts::{CountQuery, Dimension, MAX_GROUPS};
pub use cursor::Position;
pub use dialect::Dialect;
pub use error::ParamError;
pub use export::CSV_COLUMNS;
pub use format::Format;
pub use indexed_keys::IndexedKeys;
pub use links::Links;
pub use parameter::parameter_names;
pub use query::{EventQuery, Place, TimeRange, Total};
pub use shape::ShapeError;
pub use statement::{Bind, Statement};
pub use writer::EventWriter;
