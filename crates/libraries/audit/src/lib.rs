#![doc = include_str!("../README.md")]

mod api;
mod emails;
mod lake;
mod raw;
mod report;

use std::time::Duration;

use aws_io::{
    S3Client,
    s3::{
        GetError,
        listing::{ListError, Listed},
    },
};
use email_senders::Senders;
use event_model::Pipeline;
use lake_files::ConvertError;
use lake_schema::Table;
use time::{Date, OffsetDateTime};

pub use api::{Answer, ApiStore, Ask, PATH as API_PATH};
pub use emails::{AskedEvent, EmailStore, LoadedBatch};
pub use report::{Finding, Report, Side, Sums, What};

/// What is audited, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Audit<'a> {
    /// Reads the bucket.
    pub s3: &'a S3Client,
    /// The stack's bucket.
    pub bucket: &'a str,
    /// The UTC day on which objects arrived.
    pub day: Date,
    /// The time of the audit.
    pub now: OffsetDateTime,
    /// An object may wait for this long before it counts as missing.
    pub settle: Duration,
    /// The senders of email events, as they are now.
    pub senders: &'a Senders,
    /// The first day of the lake, which decides where events without a usable time are.
    pub lake_first_day: Date,
}

/// Why a day could not be audited.
#[derive(Debug, thiserror::Error)]
pub enum AuditError<E: std::error::Error + 'static> {
    /// The bucket could not be listed.
    #[error(transparent)]
    List(#[from] ListError),
    /// An object could not be read.
    #[error(transparent)]
    Get(#[from] GetError),
    /// An object could not be converted to compare its rows.
    #[error("converting {key}")]
    Convert {
        /// The object.
        key: String,
        /// What failed.
        source: ConvertError,
    },
    /// The database could not be asked.
    #[error("asking the database")]
    Database(#[source] E),
}

impl Audit<'_> {
    /// Audits the pipelines of these tables, and with `emails` also the database of email events.
    ///
    /// # Errors
    /// When a side could not be read to its end: then nothing is said about it.
    pub async fn run<S: EmailStore>(
        &self,
        tables: &[Table],
        emails: Option<&S>,
    ) -> Result<Report, AuditError<S::Error>> {
        let mut report = Report::new(self.day);
        if let Some(store) = emails {
            emails::audit(self, store, &mut report).await?;
        }
        for table in tables {
            lake::audit(self, table, &mut report).await?;
        }
        Ok(report)
    }

    /// Whether an object that was stored then may still be on its way.
    fn may_wait(&self, stored: Option<OffsetDateTime>) -> bool {
        stored.is_some_and(|stored| stored + self.settle > self.now)
    }

    /// The raw objects of a pipeline that arrived on a day.
    async fn list_raw(&self, pipeline: Pipeline, day: Date) -> Result<Vec<Listed>, ListError> {
        let mut objects = Vec::new();
        for prefix in pipeline.raw_prefixes() {
            objects.extend(self.list(&format!("{prefix}dt={day}/")).await?);
        }
        Ok(objects)
    }
}
