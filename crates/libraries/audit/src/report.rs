//! The outcome of an audit.

use event_model::Pipeline;
use serde::{Deserialize, Serialize};
use time::Date;

/// Where events are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The database of email events.
    Postgres,
    /// Athena's files.
    Lake,
}

/// What arrived on a day, and what became of it, counted on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The day, `YYYY-MM-DD`, in UTC.
    pub day: String,
    /// Of each pipeline and side.
    pub sums: Vec<Sums>,
    /// What is missing, by name.
    pub findings: Vec<Finding>,
}

/// The counts of one pipeline on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Its name.
    pub pipeline: &'static str,
    /// Where its events were looked for.
    pub side: Side,
    /// Raw objects of the day.
    pub objects: u64,
    /// Of these, those that arrived too recently to be expected.
    pub waiting: u64,
    /// Items of the others, as the objects have them.
    pub items: u64,
    /// Those that were found stored.
    pub stored: u64,
    /// Those that were found rejected.
    pub rejected: u64,
    /// `items - stored - rejected`: 0, or something is missing.
    pub difference: i64,
}

/// Something that should be there and is not, or that nothing explains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The pipeline.
    pub pipeline: &'static str,
    /// Where it is missing.
    pub side: Side,
    /// What it is.
    pub what: What,
    /// The raw object, or the batch or file whose object is missing.
    pub object: String,
    /// The item of the object, from 0, if one of several is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// Its id, or the file in which it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A raw object has not been loaded or archived.
    ObjectNotProcessed,
    /// A raw object cannot be read, so nothing can be said about it.
    ObjectUnreadable,
    /// Its events are there, and the raw object is not.
    ObjectMissing,
    /// An event has no row.
    RowMissing,
    /// A file of the lake is not there.
    FileMissing,
    /// A rejected item is not among the rejected ones.
    RejectionMissing,
}

impl What {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::ObjectNotProcessed => "not processed",
            Self::ObjectUnreadable => "cannot be read",
            Self::ObjectMissing => "raw object missing",
            Self::RowMissing => "row missing",
            Self::FileMissing => "lake file missing",
            Self::RejectionMissing => "rejection missing",
        }
    }
}

impl Finding {
    /// Whether processing the raw object again may put it right. Postgres remembers a batch that was loaded, so its rows do not
    /// come back; the archiver writes what of an object is not there, unless a compacted file had it.
    pub const fn may_be_sent_again(&self) -> bool {
        match (self.side, self.what) {
            (_, What::ObjectNotProcessed)
            | (Side::Lake, What::FileMissing | What::RejectionMissing) => true,
            (Side::Postgres, What::FileMissing | What::RejectionMissing)
            | (_, What::ObjectUnreadable | What::ObjectMissing | What::RowMissing) => false,
        }
    }
}

impl Sums {
    pub(crate) fn new(pipeline: Pipeline, side: Side) -> Self {
        Self {
            pipeline: pipeline.name(),
            side,
            objects: 0,
            waiting: 0,
            items: 0,
            stored: 0,
            rejected: 0,
            difference: 0,
        }
    }
}

impl Report {
    pub(crate) fn new(day: Date) -> Self {
        Self {
            day: day.to_string(),
            sums: Vec::new(),
            findings: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, mut sums: Sums) {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        sums.difference = signed(sums.items) - signed(sums.stored) - signed(sums.rejected);
        self.sums.push(sums);
    }

    /// Whether both sides agree and nothing is missing.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.sums.iter().all(|sums| sums.difference == 0)
    }
}
