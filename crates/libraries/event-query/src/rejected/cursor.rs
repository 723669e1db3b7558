//! The opaque token that leads to the next page of rejected items.

use event_model::{BatchKey, Pipeline, Timestamp};
use serde::{Deserialize, Serialize};
use time::{Date, Duration};

use super::{MAX_DAYS, days_of};
use crate::{
    cursor::{read_token, to_token},
    position::TimeRange,
};

/// An item in the order of a search: days from the newest, within a day the rows of Postgres from the newest, then the
/// objects of each pipeline by their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RejectedPosition {
    /// A row of Postgres.
    Row {
        /// Its day, in UTC.
        day: Date,
        /// Its key.
        row: RejectedRow,
    },
    /// A line of an object.
    Line {
        /// The day of the object's folder.
        day: Date,
        /// Whose item it is.
        pipeline: Pipeline,
        /// The object.
        key: String,
        /// Where the line ends, in bytes from the start of the object: the next page begins there.
        end: u64,
    },
}

/// The key of a row of `email_events_rejected`, beside its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// When it was rejected.
    pub rejected_at: Timestamp,
    /// Its batch.
    pub batch_key: String,
    /// Its place in the batch, from 0.
    pub ordinal: i32,
}

/// What a page passes to the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RejectedCursor {
    pub(super) range: TimeRange,
    /// That of what the walk asked for at its beginning.
    pub(super) conditions_digest: u64,
    pub(super) position: RejectedPosition,
}

/// The cursor as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u8,
    from: i64,
    to: i64,
    conditions: u64,
    day: i32,
    row: Option<(i64, String, i32)>,
    line: Option<(String, String, u64)>,
}

const VERSION: u8 = 2;

/// No object of S3 is longer, and no key of one.
const MAX_OBJECT_BYTES: u64 = 1 << 50;
const MAX_KEY_BYTES: usize = 1_024;

impl RejectedCursor {
    pub(super) fn encode(&self) -> String {
        let (day, row, line) = match &self.position {
            RejectedPosition::Row { day, row } => {
                let row = (
                    row.rejected_at.unix_micros(),
                    row.batch_key.clone(),
                    row.ordinal,
                );
                (day, Some(row), None)
            }
            RejectedPosition::Line {
                day,
                pipeline,
                key,
                end,
            } => (
                day,
                None,
                Some((pipeline.name().to_owned(), key.clone(), *end)),
            ),
        };
        let written = Written {
            version: VERSION,
            from: self.range.from.unix_micros(),
            to: self.range.to.unix_micros(),
            conditions: self.conditions_digest,
            day: day.to_julian_day(),
            row,
            line,
        };
        to_token(serde_json::to_vec(&written).expect("texts and numbers are JSON"))
    }

    /// `None` for a text that no page handed out, or that lost something on the way. Anybody can compute the checksum, so what is read
    /// must be what a page could have written: it goes to Postgres and S3.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let content = read_token(text).ok()?;
        let written: Written = serde_json::from_slice(&content).ok()?;
        let range = TimeRange {
            from: Timestamp::from_unix_micros(written.from)?,
            to: Timestamp::from_unix_micros(written.to)?,
        };
        let is_range = range.from <= range.to
            && range.to.to_time() - range.from.to_time() <= Duration::days(MAX_DAYS);
        if written.version != VERSION || !is_range {
            return None;
        }
        let day = Date::from_julian_day(written.day).ok()?;
        let (first, last) = days_of(range);
        if !(first..=last).contains(&day) {
            return None;
        }
        let position = match (written.row, written.line) {
            (Some(row), None) => RejectedPosition::Row {
                day,
                row: read_row(day, row)?,
            },
            (None, Some(line)) => read_line(day, line)?,
            (Some(_), Some(_)) | (None, None) => return None,
        };
        Some(Self {
            range,
            conditions_digest: written.conditions,
            position,
        })
    }
}

fn read_row(
    day: Date,
    (rejected_at, batch_key, ordinal): (i64, String, i32),
) -> Option<RejectedRow> {
    let row = RejectedRow {
        rejected_at: Timestamp::from_unix_micros(rejected_at)?,
        batch_key,
        ordinal,
    };
    let is_row = row.rejected_at.to_time().date() == day
        && BatchKey::parse(&row.batch_key).is_some()
        && row.ordinal >= 0;
    is_row.then_some(row)
}

fn read_line(day: Date, (pipeline, key, end): (String, String, u64)) -> Option<RejectedPosition> {
    let pipeline = Pipeline::of_table(&pipeline)?;
    let folder = format!("{}dt={day}/", pipeline.rejected_prefix());
    // Pages list whatever is in the folder, also under names that no function writes.
    let is_line = key.starts_with(&folder)
        && key.ends_with(".ndjson")
        && key.len() <= MAX_KEY_BYTES
        && end <= MAX_OBJECT_BYTES;
    is_line.then_some(RejectedPosition::Line {
        day,
        pipeline,
        key,
        end,
    })
}
