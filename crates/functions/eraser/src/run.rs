//! Passes over all places, until one finds nothing.
//!
//! Before the first pass, and between two of them, all functions end that began before: those that have no copy of the list with the new
//! names, and those that have read what was changed since. So whatever they have written from it, the next pass finds. A pass that finds
//! nothing shows that nothing is left, and is the verification.

use std::time::Duration;

use aws_io::s3::conditional_put::Version;
use erasure::Person;
use futures::lock::Mutex;
use object_worker::TimeBudget;
use tokio::time::Instant;
use tracing::info;

use crate::{
    Deps, EraserError,
    job::{Job, Pass},
    places::Place,
    receipt,
    store::Folder,
};

/// How often progress is written down while nothing else is.
const SAVE_EVERY: Duration = Duration::from_secs(5);
/// More would mean that something brings the person back.
const MAX_PASSES: u32 = 8;

/// What is searched for, and what may be done.
pub(crate) struct Search<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) person: Person,
    /// False in a dry run.
    pub(crate) changes: bool,
    pub(crate) budget: TimeBudget,
    /// Held while a raw object is in memory beside the objects that are searched.
    pub(crate) source: Mutex<()>,
}

/// Writes down how far a job is.
pub(crate) struct Progress<'a> {
    folder: Folder<'a>,
    version: Version,
    saved_at: Instant,
}

impl Progress<'_> {
    /// Writes the job down, if that was not done lately.
    pub(crate) async fn save(&mut self, job: &Job) -> Result<(), EraserError> {
        if self.saved_at.elapsed() >= SAVE_EVERY {
            self.write(job).await?;
        }
        Ok(())
    }

    async fn write(&mut self, job: &Job) -> Result<(), EraserError> {
        self.version = self.folder.write_job(job, &self.version).await?;
        self.saved_at = Instant::now();
        Ok(())
    }
}

/// Goes on with an erasure for as long as there is time. True when it is finished.
///
/// # Errors
/// When a place cannot be searched now. What was done until then is written down. [`EraserError::Incomplete`] when it is finished, but not
/// everything is erased.
pub(crate) async fn advance(
    deps: &Deps,
    id: &str,
    budget: TimeBudget,
) -> Result<bool, EraserError> {
    let folder = Folder::of(deps, id)?;
    let Some((mut job, version)) = folder.read_job().await? else {
        return Ok(true);
    };
    let now = (deps.clock)();
    if now < job.not_before {
        return Ok(false);
    }
    let stored = folder.read_person().await?;
    let Some(stored) = stored else {
        // The receipt was written, and what is only needed before was removed in part.
        if folder.has_receipt().await? {
            folder.finish_removal().await?;
            return Ok(true);
        }
        return Err(EraserError::Request(format!(
            "the names of erasure {id} are gone; begin a new one"
        )));
    };
    let search = Search {
        deps,
        person: stored.person()?,
        changes: !job.is_dry_run,
        budget,
        source: Mutex::new(()),
    };
    let mut progress = Progress {
        folder,
        version,
        saved_at: Instant::now(),
    };
    let outcome = pass(&search, &mut job, &mut progress).await;
    // Also after an error.
    progress.write(&job).await?;
    if !outcome? {
        return Ok(false);
    }
    let has_ended = end_pass(deps, &mut job);
    if has_ended {
        let receipt = receipt::write(deps, &job).await?;
        folder.finish(&receipt).await?;
        if !job.is_complete() {
            return Err(EraserError::Incomplete { id: job.id });
        }
        info!(id, passes = job.passes.len(), "erasure finished");
    } else {
        progress.write(&job).await?;
    }
    Ok(has_ended)
}

/// Goes through the places. True at the end of the last one.
async fn pass(
    search: &Search<'_>,
    job: &mut Job,
    progress: &mut Progress<'_>,
) -> Result<bool, EraserError> {
    if job.pass.started_at.is_none() {
        job.pass.started_at = Some((search.deps.clock)());
    }
    let places = Place::all(search.deps);
    while let Some(place) = places.get(job.pass.place) {
        job.pass.counts.entry(place.name()).or_default();
        if !place.search(search, job, progress).await? {
            return Ok(false);
        }
        job.pass.place += 1;
        job.pass.after.clear();
    }
    Ok(true)
}

/// Ends the pass. True if no other one has to follow.
fn end_pass(deps: &Deps, job: &mut Job) -> bool {
    let now = (deps.clock)();
    let next = Pass::new(job.pass.number + 1);
    let mut ended = std::mem::replace(&mut job.pass, next);
    ended.ended_at = Some(now);
    // One that another version of this function began may not have been in all places.
    let mut places = Place::all(deps).into_iter();
    let is_whole = places.all(|place| ended.counts.contains_key(&place.name()));
    let is_verified = is_whole && (job.is_dry_run || ended.found() == 0);
    let is_last = is_verified || ended.number >= MAX_PASSES;
    job.passes.push(ended);
    job.not_before = now + deps.config.wait;
    is_last
}
