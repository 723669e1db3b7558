//! A file of the lake that lies in another file: a process may have fewer files open than a day has parts.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    os::unix::fs::FileExt as _,
    sync::Arc,
};

use bytes::Bytes;
use parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};

/// So many bytes of a file, from an offset on.
#[derive(Clone, Debug)]
pub(crate) struct FileSlice {
    pub(crate) file: Arc<File>,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

impl Length for FileSlice {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for FileSlice {
    type T = BufReader<Self>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let skipped = start.min(self.len);
        Ok(BufReader::new(Self {
            file: Arc::clone(&self.file),
            offset: self.offset + skipped,
            len: self.len - skipped,
        }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = vec![0; length];
        self.get_read(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl Read for FileSlice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.len).map_or(buffer.len(), |len| len.min(buffer.len()));
        let len = self.file.read_at(&mut buffer[..most], self.offset)?;
        let read = u64::try_from(len).expect("no length has more than 64 bits");
        self.offset += read;
        self.len -= read;
        Ok(len)
    }
}
