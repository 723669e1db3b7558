//! The lake's files: Parquet as Athena reads it best.
//!
//! Zstandard; version 1 pages, which every reader has; times as INT64 milliseconds, delta-encoded, since INT96 has no
//! statistics; strings by dictionary while that is smaller; statistics and counts of pages per row group, and no page index,
//! as queries read whole columns. Numbers go through the parquet crate's own column readers and writers. Strings, which are most of the work,
//! are numbered in [`TextColumn`](crate::columns::TextColumn), so their pages are made and read here: the crate's writer would
//! hash every string again, and its reader make an object of each.

mod chunk;
mod claims;
mod hybrid;
mod pages;
mod reader;
mod schema;
mod slice;
mod splice;
mod text;
mod thrift;
mod writer;

pub use reader::ReadError;

pub(crate) use reader::{FileReader, catch};
pub(crate) use slice::SpillFile;
pub(crate) use splice::{FileSplicer, Finished};
pub(crate) use writer::FileWriter;
