//! The opaque token that leads to the next page of rejected items.

use event_model::{Pipeline, Timestamp};
use serde::{Deserialize, Serialize};
use time::Date;

use super::RejectedStatus;
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
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) reason: Option<String>,
    pub(super) status: Option<RejectedStatus>,
    pub(super) position: RejectedPosition,
}

/// The cursor as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u8,
    from: i64,
    to: i64,
    pipelines: Vec<String>,
    reason: Option<String>,
    #[serde(default)]
    status: Option<String>,
    day: i32,
    row: Option<(i64, String, i32)>,
    line: Option<(String, String, u64)>,
}

const VERSION: u8 = 1;

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
            pipelines: self
                .pipelines
                .iter()
                .map(|pipeline| pipeline.name().to_owned())
                .collect(),
            reason: self.reason.clone(),
            status: self.status.map(|status| status.name().to_owned()),
            day: day.to_julian_day(),
            row,
            line,
        };
        to_token(serde_json::to_vec(&written).expect("texts and numbers are JSON"))
    }

    /// `None` for a text that no page handed out, or that lost something on the way.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let content = read_token(text).ok()?;
        let written: Written = serde_json::from_slice(&content).ok()?;
        let day = Date::from_julian_day(written.day).ok()?;
        let position = match (written.row, written.line) {
            (Some((rejected_at, batch_key, ordinal)), None) => RejectedPosition::Row {
                day,
                row: RejectedRow {
                    rejected_at: Timestamp::from_unix_micros(rejected_at)?,
                    batch_key,
                    ordinal,
                },
            },
            (None, Some((pipeline, key, end))) => RejectedPosition::Line {
                day,
                pipeline: Pipeline::of_table(&pipeline)?,
                key,
                end,
            },
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let pipelines: Option<Vec<_>> = written
            .pipelines
            .iter()
            .map(|name| Pipeline::of_table(name))
            .collect();
        let status = match written.status {
            Some(name) => Some(RejectedStatus::of_name(&name)?),
            None => None,
        };
        (written.version == VERSION).then_some(Self {
            range: TimeRange {
                from: Timestamp::from_unix_micros(written.from)?,
                to: Timestamp::from_unix_micros(written.to)?,
            },
            pipelines: pipelines?,
            reason: written.reason,
            status,
            position,
        })
    }
}
