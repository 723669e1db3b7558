//! What is kept of a day: `state/reconciliation/<day>.json`.

use std::{collections::BTreeMap, time::Duration};

use audit::{Finding, Report, Side, Sums};
use aws_io::{
    S3Client,
    s3::{
        GetError, ObjectRef, PutError,
        conditional_put::{self, Version, WriteOutcome},
        listing::{self, ListError},
    },
};
use lake_schema::layout;
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime, serde::rfc3339};

const PREFIX: &str = "state/reconciliation/";
const LIMIT: Duration = Duration::from_secs(10);
const MAX_BYTES: usize = 16 << 20;
/// Findings that are written; `finding_count` has all.
const MAX_FINDINGS: usize = 1_000;

/// An object whose notification went back to its queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) side: Side,
    pub(crate) object: String,
    #[serde(with = "rfc3339")]
    pub(crate) at: OffsetDateTime,
}

/// What an earlier run left of a day.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Earlier {
    /// Nothing more is to be expected of the day.
    pub(crate) is_settled: bool,
    pub(crate) sent: Vec<Sent>,
}

/// What a run leaves of a day.
#[derive(Debug, Serialize)]
pub(crate) struct Record<'a> {
    pub(crate) day: &'a str,
    #[serde(with = "rfc3339")]
    pub(crate) reconciled_at: OffsetDateTime,
    pub(crate) is_settled: bool,
    /// By pipeline, what is missing although it was sent again.
    pub(crate) unreconciled: &'a BTreeMap<&'static str, u64>,
    pub(crate) sums: &'a [Sums],
    pub(crate) finding_count: usize,
    pub(crate) findings: &'a [Finding],
    pub(crate) sent: Vec<Sent>,
}

impl<'a> Record<'a> {
    pub(crate) fn new(
        report: &'a Report,
        unreconciled: &'a BTreeMap<&'static str, u64>,
        sent: Vec<Sent>,
        is_settled: bool,
        now: OffsetDateTime,
    ) -> Self {
        let shown = report.findings.len().min(MAX_FINDINGS);
        Self {
            day: &report.day,
            reconciled_at: now,
            is_settled,
            unreconciled,
            sums: &report.sums,
            finding_count: report.findings.len(),
            findings: report.findings.get(..shown).unwrap_or_default(),
            sent,
        }
    }
}

/// The records of a bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Records<'a> {
    pub(crate) s3: &'a S3Client,
    pub(crate) bucket: &'a str,
}

/// Why a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The records cannot be listed.
    #[error(transparent)]
    List(#[from] ListError),
    /// A record cannot be read.
    #[error(transparent)]
    Get(#[from] GetError),
    /// A record cannot be written.
    #[error(transparent)]
    Put(#[from] PutError),
    /// A record is not what this function writes.
    #[error(
        "{key} is not a valid record; delete it, and the next run compares the day from the start"
    )]
    Damaged {
        /// Its key.
        key: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Another run reconciles the same day. Both may have sent; no harm comes of it.
    #[error("another run has written {key}")]
    Overtaken {
        /// Its key.
        key: String,
    },
}

impl Records<'_> {
    /// The days from `first` on that have a record.
    pub(crate) async fn days(self, first: Date) -> Result<Vec<Date>, RecordError> {
        let listed = listing::list(self.s3, self.bucket, PREFIX, LIMIT).await?;
        let days = listed.iter().filter_map(|object| {
            let name = object.key.strip_prefix(PREFIX)?.strip_suffix(".json")?;
            layout::parse_day(name)
        });
        Ok(days.filter(|day| *day >= first).collect())
    }

    pub(crate) async fn read(self, day: Date) -> Result<(Earlier, Version), RecordError> {
        let name = self.name(day);
        let (bytes, version) = conditional_put::read(self.s3, &name, MAX_BYTES, LIMIT).await?;
        let earlier = bytes
            .map(|bytes| serde_json::from_slice(&bytes))
            .transpose()
            .map_err(|source| RecordError::Damaged {
                key: name.key,
                source,
            })?;
        Ok((earlier.unwrap_or_default(), version))
    }

    pub(crate) async fn write(
        self,
        day: Date,
        record: &Record<'_>,
        version: &Version,
    ) -> Result<(), RecordError> {
        let name = self.name(day);
        let body = serde_json::to_vec(record).expect("a record can always be written as JSON");
        let json = "application/json";
        match conditional_put::write(self.s3, &name, body.into(), json, version, LIMIT).await? {
            WriteOutcome::Written => Ok(()),
            WriteOutcome::Changed => Err(RecordError::Overtaken { key: name.key }),
        }
    }

    fn name(self, day: Date) -> ObjectRef {
        ObjectRef {
            bucket: self.bucket.to_owned(),
            key: format!("{PREFIX}{}.json", layout::format_day(day)),
        }
    }
}
