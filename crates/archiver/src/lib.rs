#![doc = include_str!("../README.md")]

mod columns;
mod compaction;
mod config;
mod convert;
mod invocation;
mod merge;
mod message;
mod messages;
mod object;
mod parquet_file;
mod short;
mod stored;

pub use compaction::{LedgerError, Policy, Report, compact};
pub use config::{Config, Deps};
pub use convert::{ConvertError, Converted, Part, Source, convert};
pub use invocation::{handle, handle_schedule};
pub use merge::{Merge, MergeError, Merged};
pub use parquet_file::ReadError;
pub use stored::StoredError;
