//! Column chunks that are ready to be appended to a row group.

use std::io;

use bytes::Bytes;
use parquet::column::writer::ColumnCloseResult;

use super::slice::{FileSlice, SpillFile};

/// A column chunk. Its bytes are in memory or in a file.
#[derive(Debug)]
pub(crate) struct EncodedChunk<B = Bytes> {
    pub(crate) bytes: B,
    /// Its metadata for the footer. Offsets count from the start of `bytes`.
    pub(crate) close: ColumnCloseResult,
}

impl EncodedChunk {
    /// Moves the bytes to a file.
    pub(crate) fn spill(self, spill_file: &mut SpillFile) -> io::Result<EncodedChunk<FileSlice>> {
        Ok(EncodedChunk {
            bytes: spill_file.append(&self.bytes[..])?,
            close: self.close,
        })
    }
}
