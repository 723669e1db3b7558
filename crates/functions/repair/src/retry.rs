//! Sends items through their pipelines again: as new raw objects, or as messages of the forwarder's queue.
//!
//! A raw object is what any other one is: S3 notifies the queues of it, and the functions behind them store each event once. Its name
//! follows from its source and its content, so the same retry on the same day is one object.

mod item;
mod job;
mod meant_event;
mod name;

use std::collections::BTreeMap;

use event_model::rejected::RejectedId;
use futures::{StreamExt as _, stream};

use crate::{Deps, error::RepairError, request::Request};

use self::{
    item::{Plan, read_plan},
    job::{Job, run_job},
};

/// Each may hold a batch of 32 MiB.
const PARALLEL_JOBS: usize = 4;
const PARALLEL_LINES: usize = 16;

/// What became of the items of a request, in their order: what each was sent again as, or why it cannot be sent; none where
/// `failure` ended it.
#[derive(Debug)]
pub(crate) struct Retried {
    pub(crate) results: Vec<Option<Result<String, String>>>,
    pub(crate) failure: Option<RepairError>,
}

/// Sends the items of a request again; in a dry run, only reads them.
pub(crate) async fn retry(deps: &Deps, request: &Request) -> Retried {
    let mut retried = Retried {
        results: vec![None; request.ids.len()],
        failure: None,
    };
    let mut jobs: BTreeMap<Job, Vec<(usize, item::Piece)>> = BTreeMap::new();
    for (index, plan) in plans(deps, &request.ids).await.into_iter().enumerate() {
        match plan {
            Ok(Plan::Do(job, piece)) => jobs.entry(job).or_default().push((index, piece)),
            Ok(Plan::Impossible(problem)) => retried.set(index, Err(problem)),
            Err(error) => retried.failure = Some(error),
        }
    }
    let runs = jobs.into_iter().map(|(job, pieces)| async move {
        let done = run_job(deps, &job, &pieces, request.dry_run).await;
        (pieces, done)
    });
    let mut runs = stream::iter(runs).buffer_unordered(PARALLEL_JOBS);
    while let Some((pieces, done)) = runs.next().await {
        match done {
            Ok(results) => {
                for ((index, _), result) in pieces.iter().zip(results) {
                    retried.set(*index, result);
                }
            }
            Err(RepairError::Impossible(problem)) => {
                for (index, _) in &pieces {
                    retried.set(*index, Err(problem.clone()));
                }
            }
            Err(error) => retried.failure = Some(error),
        }
    }
    retried
}

impl Retried {
    fn set(&mut self, index: usize, result: Result<String, String>) {
        if let Some(place) = self.results.get_mut(index) {
            *place = Some(result);
        }
    }
}

async fn plans(deps: &Deps, ids: &[RejectedId]) -> Vec<Result<Plan, RepairError>> {
    // As a list, because the compiler cannot follow the lifetimes of a stream of them.
    let reads: Vec<_> = ids.iter().map(|id| read_plan(deps, id)).collect();
    stream::iter(reads).buffered(PARALLEL_LINES).collect().await
}
