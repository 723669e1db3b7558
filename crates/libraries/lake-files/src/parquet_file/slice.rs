//! Files and pieces of files that lie in one temporary file: a process may have fewer files open than a day has parts.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek as _},
    os::unix::fs::FileExt as _,
    sync::Arc,
};

use bytes::Bytes;
use parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};

/// A temporary file that others are put into, one after the other.
#[derive(Debug)]
pub(crate) struct SpillFile {
    file: Arc<File>,
}

/// So many bytes of a file, from an offset on.
#[derive(Clone, Debug)]
pub(crate) struct FileSlice {
    file: Arc<File>,
    offset: u64,
    len: u64,
}

impl SpillFile {
    /// Begins with an empty file.
    pub(crate) fn new(file: File) -> Self {
        Self {
            file: Arc::new(file),
        }
    }

    /// Appends what `input` reads to its end, and says where it lies.
    pub(crate) fn append(&mut self, mut input: impl Read) -> io::Result<FileSlice> {
        let mut file = &*self.file;
        // Not the sum of what was appended: an input that failed half-way has left bytes too.
        let offset = file.stream_position()?;
        let len = io::copy(&mut input, &mut file)?;
        Ok(FileSlice {
            file: Arc::clone(&self.file),
            offset,
            len,
        })
    }
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
        // A length that a damaged file states may be more than the memory has.
        let is_within = u64::try_from(length)
            .ok()
            .and_then(|length| start.checked_add(length))
            .is_some_and(|end| end <= self.len);
        if !is_within {
            return Err(ParquetError::EOF(format!(
                "{length} bytes from byte {start} of a file of {} bytes",
                self.len
            )));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_half_way_does_not_displace_what_follows() -> io::Result<()> {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let mut spill_file = SpillFile::new(tempfile::tempfile()?);

        assert!(spill_file.append((&b"half of"[..]).chain(Broken)).is_err());
        let slice = spill_file.append(&b"whole"[..])?;

        assert_eq!(io::read_to_string(slice)?, "whole");
        Ok(())
    }
}
