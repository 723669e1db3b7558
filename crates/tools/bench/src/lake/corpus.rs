//! A day of events as Firehose stores them: lines of JSON in gzip, 64 MiB before that.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use event_samples::track::{Generator, GeneratorOptions, Shape};
use flate2::{Compression, write::GzEncoder};
use std::io::Write as _;
use tempfile::TempDir;
use time::macros::datetime;

use super::float;

const FILE_BYTES: usize = 64 << 20;
const BATCH_EVENTS: usize = 10_000;
/// Less than a day, so that no event belongs to the next.
const SPAN: Duration = Duration::from_secs(86_000);

pub(super) struct Corpus {
    shape: Shape,
    folder: TempDir,
    files: Vec<PathBuf>,
    raw_bytes: usize,
}

impl Corpus {
    pub(super) fn generate(shape: Shape, events: u32) -> Result<Self> {
        let mut generator = Generator::new(
            1,
            GeneratorOptions {
                shape,
                people: shape.default_people(),
                start: datetime!(2026-01-01 0:00:10 UTC),
                span: SPAN,
                total: events.into(),
            },
        );
        let mut corpus = Self::empty(shape)?;
        let mut raw = Vec::with_capacity(FILE_BYTES + (8 << 20));
        let batches = usize::try_from(events)? / BATCH_EVENTS;
        for _ in 0..batches {
            raw.extend(generator.batch(BATCH_EVENTS));
            if raw.len() >= FILE_BYTES {
                corpus.add(&raw)?;
                raw.clear();
            }
        }
        if !raw.is_empty() {
            corpus.add(&raw)?;
        }
        Ok(corpus)
    }

    /// The same events, of which every tenth has an additional unique key before the others.
    pub(super) fn with_every_tenth_off_shape(&self) -> Result<Self> {
        let mut other = Self::empty(self.shape)?;
        for file in &self.files {
            let mut raw = Vec::new();
            std::io::Read::read_to_end(
                &mut flate2::read::MultiGzDecoder::new(fs::File::open(file)?),
                &mut raw,
            )?;
            let mut changed = Vec::with_capacity(raw.len() + raw.len() / 50);
            for (number, line) in raw.split_inclusive(|byte| *byte == b'\n').enumerate() {
                match line.strip_prefix(b"{") {
                    Some(rest) if number % 10 == 0 => {
                        write!(changed, "{{\"x{number}\":{number},")?;
                        changed.extend_from_slice(rest);
                    }
                    Some(_) | None => changed.extend_from_slice(line),
                }
            }
            other.add(&changed)?;
        }
        Ok(other)
    }

    fn empty(shape: Shape) -> Result<Self> {
        Ok(Self {
            shape,
            folder: tempfile::tempdir().context("creating a folder for events")?,
            files: Vec::new(),
            raw_bytes: 0,
        })
    }

    fn add(&mut self, raw: &[u8]) -> Result<()> {
        let path = self
            .folder
            .path()
            .join(format!("{}.json.gz", self.files.len()));
        let mut encoder = GzEncoder::new(fs::File::create(&path)?, Compression::default());
        encoder.write_all(raw)?;
        encoder.finish()?;
        self.files.push(path);
        self.raw_bytes += raw.len();
        Ok(())
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Bytes of JSON.
    pub(super) fn megabytes(&self) -> f64 {
        float(self.raw_bytes) / super::MEGABYTE
    }
}
