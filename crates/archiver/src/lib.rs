#![doc = include_str!("../README.md")]

mod columns;
mod convert;
mod parquet_file;
mod short;

pub use convert::{ConvertError, Converted, Part, Source, convert};
