//! `GET /api/v1/sums`: what was received on each day, and what became of it.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use event_model::{Pipeline, Timestamp};
use event_query::SumsQuery;
use event_store::DaySums;
use serde::Serialize;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::{Deps, counts::naming_the_zone, error::SearchError, search::REQUEST_DEADLINE};

pub(crate) const PATH: &str = "/api/v1/sums";

/// Beside the time for the database, within the gateway's.
const MARKS_LIMIT: Duration = Duration::from_secs(3);

/// The accounts of one pipeline on one day.
#[derive(Debug, Serialize)]
struct Sums {
    day: String,
    pipeline: &'static str,
    batches: u64,
    received: u64,
    stored: u64,
    duplicate: u64,
    rejected: u64,
    /// Items of erased people, which were left out.
    erased: u64,
    /// How many of the rejected ones were retried or settled since; null where marks cannot be read.
    settled: Option<u64>,
    /// `received - stored - duplicate - rejected - erased`.
    difference: i64,
    last_loaded_at: Option<String>,
}

/// What is known of one pipeline, whatever the range.
#[derive(Debug, Serialize)]
struct PipelineState {
    pipeline: &'static str,
    /// Whether this stack's database has its sums. The others are counted by metrics alone.
    has_sums: bool,
    newest_event_at: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    results: Vec<Sums>,
    pipelines: Vec<PipelineState>,
}

pub(crate) async fn sum_up(
    State(deps): State<Deps>,
    RawQuery(query_string): RawQuery,
) -> Result<Response, SearchError> {
    let began = Instant::now();
    let query = SumsQuery::parse(&query_string.unwrap_or_default(), (deps.clock)())?;
    let statement = query.statement();
    let read = async {
        let days = deps.store.fetch_sums(&statement).await;
        let days = days.map_err(naming_the_zone)?;
        Ok::<_, SearchError>((days, deps.store.newest_event().await?))
    };
    let (days, newest) = timeout(REQUEST_DEADLINE, read)
        .await
        .map_err(|_| SearchError::Deadline)??;
    let marked = Box::pin(marked_rows(&deps)).await;

    info!(
        path = PATH,
        day_count = days.len(),
        duration_ms = began.elapsed().as_millis(),
        "sums served"
    );
    let pipelines = Pipeline::ALL.map(|pipeline| {
        let has_sums = pipeline == Pipeline::EmailEvents;
        PipelineState {
            pipeline: pipeline.name(),
            has_sums,
            newest_event_at: newest.filter(|_| has_sums).map(written),
        }
    });
    Ok(Json(Answer {
        results: days
            .into_iter()
            .map(|day| Sums::of(day, marked.as_ref()))
            .collect(),
        pipelines: pipelines.into(),
    })
    .into_response())
}

impl Sums {
    fn of(day: DaySums, marked: Option<&HashMap<String, u64>>) -> Self {
        let accounted = day
            .stored
            .saturating_add(day.rejected)
            .saturating_add(day.erased);
        let duplicate = day.received.saturating_sub(accounted);
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Self {
            settled: marked.map(|marked| marked.get(&day.day).copied().unwrap_or(0)),
            day: day.day,
            pipeline: Pipeline::EmailEvents.name(),
            batches: day.batches,
            received: day.received,
            stored: day.stored,
            duplicate,
            rejected: day.rejected,
            erased: day.erased,
            difference: signed(day.received) - signed(accounted) - signed(duplicate),
            last_loaded_at: day.last_loaded_at.map(written),
        }
    }
}

/// The sums are worth showing without them.
async fn marked_rows(deps: &Deps) -> Option<HashMap<String, u64>> {
    let marked = deps.rejected_objects.as_ref()?.marked_rows();
    timeout(MARKS_LIMIT, marked)
        .await
        .ok()?
        .inspect_err(|error| warn!(error = %function_kit::chain(error), "marks cannot be read"))
        .ok()
}

fn written(time: Timestamp) -> String {
    time.to_string()
}
