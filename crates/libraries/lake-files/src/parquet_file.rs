//! The lake's files: Parquet in the form that Athena reads with the fewest bytes.
//!
//! Zstandard; version 1 pages, which every reader supports; times as INT64 milliseconds, delta-encoded, because INT96 has no
//! statistics; strings by dictionary while that is smaller; statistics and page counts per row group, and no page index, because
//! queries read whole columns.
//!
//! Numbers go through the parquet crate's own column readers and writers. Strings, which are most of the work, are numbered in
//! [`TextColumn`](crate::columns::TextColumn) already, so their pages are written and read here. The crate's writer hashes and compares
//! every string again and its reader allocates an object for each: with its writer, conversion takes 1.4 to 1.6 times the CPU time
//! (`docs/decisions/0013-own-string-pages.md`).

mod chunk;
mod claims;
mod encoded;
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
