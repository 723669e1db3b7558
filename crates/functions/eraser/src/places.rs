//! Where a person can be, and how each place is searched.

mod database;
mod lake;
mod raw;
mod texts;

use aws_io::s3::{
    ObjectRef,
    listing::{Listed, list_after},
};
use event_model::Pipeline;
use futures::future::try_join_all;
use lake_schema::{Table, layout};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::{
    Deps, EraserError,
    job::{Finding, Job},
    run::{Progress, Search},
};

pub(crate) use self::raw::erase_raw;

/// Objects that are in memory at once.
const PARALLEL_OBJECTS: usize = 16;
/// Their bytes as stored, unless one alone has more. They expand tenfold.
const PARALLEL_BYTES: u64 = 8 << 20;
/// What a page of a listing has at most.
const PAGE_OBJECTS: usize = 1_000;

const LIST_LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

/// One place.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Raw objects under a prefix.
    Raw(String),
    /// Rejected lines of a pipeline.
    Rejected(Pipeline),
    /// Bodies that did not prove themselves, and results of queries: objects that are deleted as a whole.
    Texts(&'static str),
    /// What Firehose could not deliver, which is only reported.
    Undelivered,
    /// Rows of email events.
    Events,
    /// Rows of rejected email events.
    RejectedEvents,
    /// Files of a table of the lake, or of its monthly copies.
    Lake(Box<Table>),
}

impl Place {
    /// All places, in the order in which they are searched: what is derived comes after what it is derived from, except for the lines
    /// of app events. Whose these are is said by the raw objects, as long as they have it.
    pub(crate) fn all(deps: &Deps) -> Vec<Self> {
        let mut all = vec![Self::Rejected(Pipeline::AppEvents)];
        for pipeline in Pipeline::ALL {
            let prefixes = pipeline.raw_prefixes().iter();
            all.extend(prefixes.map(|prefix| Self::Raw((*prefix).to_owned())));
        }
        // Firehose's default layout, in which older buckets have product events.
        all.push(Self::Raw("analytics_raw/".to_owned()));
        all.extend([Pipeline::EmailEvents, Pipeline::ProductEvents].map(Self::Rejected));
        all.push(Self::Undelivered);
        all.extend(["unverified/", "athena/"].map(Self::Texts));
        if deps.store.is_some() {
            all.extend([Self::Events, Self::RejectedEvents]);
        }
        let tables = Table::all_with_months().into_iter();
        all.extend(tables.map(|table| Self::Lake(Box::new(table))));
        all
    }

    /// Its name in the receipt.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Raw(prefix) => prefix.clone(),
            Self::Rejected(pipeline) => pipeline.rejected_prefix().to_owned(),
            Self::Texts(prefix) => (*prefix).to_owned(),
            Self::Undelivered => "rejected/firehose/".to_owned(),
            Self::Events => "postgres: email_events".to_owned(),
            Self::RejectedEvents => "postgres: email_events_rejected".to_owned(),
            Self::Lake(table) => layout::table_prefix(table.name()),
        }
    }

    /// Searches on from where the job is in this place. True at its end.
    ///
    /// # Errors
    /// When the place cannot be searched now.
    pub(crate) async fn search(
        &self,
        search: &Search<'_>,
        job: &mut Job,
        progress: &mut Progress<'_>,
    ) -> Result<bool, EraserError> {
        match self {
            Self::Events => database::events(search, job, progress).await,
            Self::RejectedEvents => database::rejected(search, job, progress).await,
            Self::Raw(_)
            | Self::Rejected(_)
            | Self::Texts(_)
            | Self::Undelivered
            | Self::Lake(_) => self.objects(search, job, progress).await,
        }
    }

    async fn objects(
        &self,
        search: &Search<'_>,
        job: &mut Job,
        progress: &mut Progress<'_>,
    ) -> Result<bool, EraserError> {
        let deps = search.deps;
        let prefix = self.name();
        loop {
            // Another version of this function, with other places, may have been in another one.
            let after = Some(job.pass.after.clone()).filter(|after| after.starts_with(&prefix));
            let bucket = &deps.config.bucket;
            let page = list_after(&deps.s3, bucket, &prefix, after.as_deref(), LIST_LIMIT).await?;
            let is_last = page.len() < PAGE_OBJECTS;
            let mut rest = &page[..];
            while !rest.is_empty() {
                if !search.budget.allows_start(Instant::now()) {
                    return Ok(false);
                }
                let mut bytes = 0;
                let fitting = rest.iter().take(PARALLEL_OBJECTS).take_while(|object| {
                    bytes += object.size_bytes;
                    bytes <= PARALLEL_BYTES
                });
                let count = fitting.count().max(1);
                let (now, later) = rest.split_at(count);
                rest = later;
                let found = now
                    .iter()
                    .filter(|object| object.size_bytes > 0)
                    .map(|object| self.object(search, &object.key));
                let found = try_join_all(found).await?;
                for (key, mut finding) in found {
                    if self.is_late(&key, now, job.first_search()) {
                        finding.count = finding.count.arrived_late();
                    }
                    job.add(&prefix, Some(&key), finding);
                }
                if let Some(last) = now.last() {
                    job.pass.after.clone_from(&last.key);
                }
                progress.save(job).await?;
            }
            if is_last {
                return Ok(true);
            }
        }
    }

    /// Whether an object came from a sender after the first search began. The person's events may go on to arrive, and no pass would be
    /// the last one if it looked for them as well.
    fn is_late(&self, key: &str, listed: &[Listed], since: Option<OffsetDateTime>) -> bool {
        let object = listed.iter().find(|object| object.key == key);
        let written_at = object.and_then(|object| object.last_modified);
        let is_after = |(written_at, since)| written_at > since;
        matches!(self, Self::Raw(_)) && written_at.zip(since).is_some_and(is_after)
    }

    async fn object(
        &self,
        search: &Search<'_>,
        key: &str,
    ) -> Result<(String, Finding), EraserError> {
        let name = ObjectRef {
            bucket: search.deps.config.bucket.clone(),
            key: key.to_owned(),
        };
        let finding = match self {
            Self::Raw(_) => {
                Box::pin(erase_raw(
                    search.deps,
                    &name,
                    &search.person,
                    search.changes,
                ))
                .await?
            }
            Self::Rejected(pipeline) => Box::pin(texts::rejected(search, &name, *pipeline)).await?,
            Self::Texts(_) => Box::pin(texts::whole(search, &name)).await?,
            Self::Undelivered => Box::pin(texts::undelivered(search, &name)).await?,
            Self::Lake(table) => Box::pin(lake::file(search, &name, table)).await?,
            Self::Events | Self::RejectedEvents => Finding::default(),
        };
        Ok((key.to_owned(), finding))
    }
}
