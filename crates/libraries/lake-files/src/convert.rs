//! From one raw object to files of the lake.

mod clock;
mod extra;
mod fault;
mod input;
mod instant;
mod json;
mod messages;
mod record_ranges;
mod records;
mod rejections;
mod row;
mod shape;
mod sink;
mod sources;
mod template;
mod translated;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io::{self, BufRead, Write},
};

use email_senders::Delivery;
use event_model::{Pipeline, sparkpost::PING};
use lake_schema::{
    FileId, Table,
    layout::{FileKind, LakeFile},
};
use parquet::errors::ParquetError;
use time::{Date, OffsetDateTime};

pub use self::record_ranges::{RecordRange, record_ranges};
use self::{
    clock::Clock,
    fault::Fault,
    messages::Messages,
    rejections::Rejections,
    row::RowReader,
    sink::{Rejected, Sink},
};
use crate::parquet_file::FileWriter;

/// How much of the rows is held before it is written as a row group.
const GROUP_BYTES: usize = 8 << 20;
/// How many rows go by before their size is looked at again.
const ROWS_PER_CHECK: usize = 512;

/// A raw object, as far as its rows depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Its key. The files are named by it, so that converting it again finds them there.
    pub key: &'a str,
    /// When it arrived.
    pub arrival: OffsetDateTime,
    /// The first day that the table's partitions cover.
    pub first_day: Date,
    /// The delivery that it has, if it is the object of a sender of emails other than SparkPost.
    pub delivery: Option<&'a Delivery>,
}

/// What became of a raw object.
#[derive(Debug)]
pub struct Converted {
    /// One file for each day that its events are of.
    pub parts: Vec<Part>,
    /// Rows in all parts.
    pub row_count: u64,
    /// Pieces that could not become rows; they are written to where the caller said.
    pub rejected_count: u64,
    /// Events that were left out because the caller said so.
    pub erased_count: u64,
}

/// A file to be stored.
#[derive(Debug)]
pub struct Part {
    /// What it is; its key follows.
    pub file: LakeFile,
    /// Parquet.
    pub bytes: Vec<u8>,
    /// Its rows.
    pub row_count: u64,
}

/// A conversion that could not be carried out. Nothing about the object is wrong.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// Reading the object or writing its rejections failed.
    #[error("reading the object or writing what it rejects")]
    Io(#[from] io::Error),
    /// The Parquet writer failed.
    #[error("writing Parquet")]
    Parquet(#[from] ParquetError),
}

/// Converts the object that `input` reads, gzip or plain, into parts of `table`, and writes what cannot become a row to
/// `rejections`, a line each; from a number on that nobody reads, one line says how many more there are and where. The same bytes and the same source give the same parts.
///
/// Objects of senders of emails other than SparkPost are translated first, see `email_senders`. Objects of the table `app_events` hold messages, each with the events of a batch; all others hold events.
pub fn convert(
    table: &Table,
    source: Source<'_>,
    input: impl BufRead,
    rejections: impl Write,
) -> Result<Converted, ConvertError> {
    convert_without(table, source, input, rejections, None)
}

/// As [`convert`], without the events that `is_erased` chooses by the text of their record: of messages, by that of their batch.
///
/// # Errors
/// As [`convert`].
pub fn convert_without(
    table: &Table,
    source: Source<'_>,
    input: impl BufRead,
    rejections: impl Write,
    is_erased: Option<&IsErased<'_>>,
) -> Result<Converted, ConvertError> {
    let expanded = translated::open(source.delivery, input)?;
    let is_messages = table.pipeline() == Pipeline::AppEvents;
    let clock = if is_messages {
        Clock::of_judged_times(source.first_day, source.arrival)
    } else {
        Clock::new(source.first_day, source.arrival)
    };
    let mut converter = Converter {
        rows: RowReader::new(table, clock),
        rejections: Rejections::new(rejections, source.key),
        row_count: 0,
        erased_count: 0,
        ping_count: 0,
        has_pings: table.pipeline() == Pipeline::EmailEvents,
        is_erased,
    };
    let mut parts = Parts {
        table,
        source_key: source.key,
        arrival_day: source.arrival.date(),
        writers: BTreeMap::new(),
    };
    if is_messages {
        let first_ms = instant::start_of(source.first_day);
        let arrival_ms = instant::from_time(source.arrival);
        let mut messages = Messages::new(converter, parts, first_ms, arrival_ms);
        input::read_records(expanded, &mut messages, |_| Ok::<_, ConvertError>(()))?;
        (converter, parts) = messages.finish()?;
    } else {
        input::read_records(expanded, &mut converter, |converter| {
            parts.append(&mut converter.rows)
        })?;
    }
    parts.append(&mut converter.rows)?;
    Ok(Converted {
        parts: parts.finish()?,
        row_count: converter.row_count,
        erased_count: converter.erased_count,
        rejected_count: converter.rejections.finish()?,
    })
}

/// Whether a record is one of those to leave out.
pub type IsErased<'a> = dyn Fn(&[u8]) -> bool + Send + Sync + 'a;

/// Turns records into rows and rejections.
struct Converter<'a, W> {
    rows: RowReader,
    rejections: Rejections<'a, W>,
    row_count: u64,
    erased_count: u64,
    /// Pings take a position each, like the items that are erased and whose places they take.
    ping_count: u64,
    /// Whether elements of the raw objects can be pings: SparkPost's own, and those in the places of erased items.
    has_pings: bool,
    is_erased: Option<&'a IsErased<'a>>,
}

impl<W> Converter<'_, W> {
    /// Makes a row of the object at the beginning of `tail`, and returns the object's length.
    fn read_row(&mut self, tail: &[u8]) -> Result<usize, Fault> {
        let len = self.rows.read(tail)?;
        self.row_count += 1;
        Ok(len)
    }

    fn is_erased(&self, record: &[u8]) -> bool {
        self.is_erased.is_some_and(|is_erased| is_erased(record))
    }
}

impl<W: Write> Sink for Converter<'_, W> {
    fn object(&mut self, tail: &[u8], _: u64) -> Result<usize, Fault> {
        if self.is_erased.is_some()
            && let Ok(len) = json::value_len(tail)
            && self.is_erased(&tail[..len])
        {
            self.erased_count += 1;
            return Ok(len);
        }
        self.read_row(tail)
    }

    fn reject(&mut self, rejected: Rejected<'_>) {
        if self.is_erased(rejected.bytes) {
            self.erased_count += 1;
            return;
        }
        if self.has_pings && rejected.bytes == PING.as_bytes() {
            self.ping_count += 1;
            return;
        }
        let ordinal =
            self.row_count + self.rejections.count() + self.erased_count + self.ping_count;
        self.rejections.write(&rejected, ordinal);
    }

    fn is_full(&self) -> bool {
        let columns = self.rows.columns();
        columns.row_count().is_multiple_of(ROWS_PER_CHECK) && columns.size_bytes() >= GROUP_BYTES
    }
}

/// The files that are being written, by day.
struct Parts<'a> {
    table: &'a Table,
    source_key: &'a str,
    arrival_day: Date,
    writers: BTreeMap<i64, (LakeFile, FileWriter<Vec<u8>>)>,
}

impl Parts<'_> {
    /// Writes the rows, each to the file of its day, and forgets them.
    fn append(&mut self, rows: &mut RowReader) -> Result<(), ConvertError> {
        let columns = rows.columns();
        let mut rows_by_day: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        for (row, time) in (0..).zip(columns.event_times()) {
            let time = time.expect("every finished row has a time");
            rows_by_day
                .entry(instant::day_of(time))
                .or_default()
                .push(row);
        }
        for (day, day_rows) in &rows_by_day {
            self.writer(*day)?.write_group(columns, day_rows)?;
        }
        rows.clear();
        Ok(())
    }

    fn writer(&mut self, day: i64) -> Result<&mut FileWriter<Vec<u8>>, ConvertError> {
        let (_, writer) = match self.writers.entry(day) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let date = instant::date_of(day).expect("the clock believes years of four digits");
                let file = LakeFile {
                    day: date,
                    kind: FileKind::Part {
                        at: self.arrival_day,
                    },
                    id: FileId::of_part(self.table.name(), date, self.source_key),
                };
                let writer = FileWriter::new(Vec::new(), self.table, file.id)?;
                entry.insert((file, writer))
            }
        };
        Ok(writer)
    }

    fn finish(self) -> Result<Vec<Part>, ConvertError> {
        self.writers
            .into_values()
            .map(|(file, writer)| {
                let (bytes, row_count) = writer.finish()?;
                Ok(Part {
                    file,
                    bytes,
                    row_count,
                })
            })
            .collect()
    }
}
