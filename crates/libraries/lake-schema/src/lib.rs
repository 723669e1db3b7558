#![doc = include_str!("../README.md")]

pub mod arrival;
pub mod event_id;
mod file_id;
mod first_day;
pub mod glue;
pub mod layout;
pub mod queries;
mod table;

pub use file_id::FileId;
pub use first_day::FirstDay;
pub use table::{CLAMPED, Column, ColumnType, DAY, EXTRA, FILE, MONTH, Period, Table, TableError};
