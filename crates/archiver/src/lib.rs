#![doc = include_str!("../README.md")]

mod clock;
mod columns;
mod convert;
mod extra;
mod input;
mod instant;
mod json;
mod parquet_file;
mod records;
mod rejections;
mod row;
mod shape;
mod short;
mod template;

pub use convert::{ConvertError, Converted, Part, Source, convert};
