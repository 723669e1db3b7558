#![doc = include_str!("../README.md")]

mod columns;
mod convert;
mod gzip;
mod merge;
mod month;
mod parquet_file;
mod short;

pub use convert::{ConvertError, Converted, Part, RecordRange, Source, convert, record_ranges};
pub use merge::{BrokenFile, Merge, MergeError, Merged};
pub use month::{MonthError, MonthFile};
pub use parquet_file::ReadError;
