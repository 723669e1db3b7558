#![doc = include_str!("../README.md")]

pub mod arrival;
pub mod event_id;
mod file_id;
pub mod glue;
pub mod layout;
pub mod projection;
pub mod queries;
mod table;

pub use file_id::FileId;
pub use table::{CLAMPED, Column, ColumnType, DAY, EXTRA, FILE, MONTH, Period, Table, TableError};
