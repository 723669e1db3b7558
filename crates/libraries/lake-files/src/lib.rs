#![doc = include_str!("../README.md")]

mod columns;
mod convert;
mod gzip;
mod merge;
mod month;
mod parquet_file;
mod short;

pub use convert::{
    ConvertError, Converted, IsErased, Part, RecordRange, Source, convert, convert_without,
    record_ranges,
};
pub use merge::{BrokenFile, Merge, MergeError, Merged, WithoutRows};
pub use month::{MonthError, MonthFile};
pub use parquet_file::ReadError;
