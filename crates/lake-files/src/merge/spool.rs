//! Column chunks on disk, until their row groups are written: a file has them by row group, and they are made by column.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
};

use parquet::column::writer::ColumnCloseResult;

use super::{EncodedChunk, MergeError};

pub(super) struct Spool {
    file: File,
    chunks: Vec<Option<Spooled>>,
    end: u64,
}

struct Spooled {
    offset: u64,
    len: usize,
    close: ColumnCloseResult,
}

impl Spool {
    /// Keeps chunks in an empty file.
    pub(super) fn new(file: File) -> Self {
        Self {
            file,
            chunks: Vec::new(),
            end: 0,
        }
    }

    /// Keeps a chunk, which is numbered by how many came before it.
    pub(super) fn put(&mut self, chunk: EncodedChunk) -> Result<(), MergeError> {
        let EncodedChunk { bytes, close } = chunk;
        self.file.write_all(&bytes)?;
        self.chunks.push(Some(Spooled {
            offset: self.end,
            len: bytes.len(),
            close,
        }));
        self.end += super::to_u64(bytes.len());
        Ok(())
    }

    /// Hands a chunk out, which can be done once, after the last one was put.
    pub(super) fn take(&mut self, number: usize) -> Result<EncodedChunk, MergeError> {
        let spooled = self.chunks[number]
            .take()
            .expect("each chunk is taken once");
        let mut bytes = vec![0; spooled.len];
        self.file.seek(SeekFrom::Start(spooled.offset))?;
        self.file.read_exact(&mut bytes)?;
        Ok(EncodedChunk {
            bytes: bytes.into(),
            close: spooled.close,
        })
    }
}
