//! What each pipeline received of late, from the stack's API.

use std::time::Duration;

use anyhow::{Context as _, Result};
use event_model::Pipeline;
use serde::{Deserialize, Serialize};

use crate::{
    operator::{api::Api, rejected},
    table::{Align, lay_out},
};

const SUMS: &str = "/api/v1/sums";
/// More rejected items are not counted one by one.
const MAX_COUNTED: usize = 1_000;

/// One pipeline, in the time that was asked for.
#[derive(Debug, Serialize)]
pub(super) struct PipelineState {
    pipeline: &'static str,
    /// Of what was loaded; `None` where only metrics count it.
    counts: Option<Counts>,
    /// The time of the newest event.
    newest_event_at: Option<String>,
    /// Rejected items about which something is to be done: neither retried nor settled.
    open_items: usize,
    /// Whether there are more than these.
    has_more_open: bool,
    last_rejected_at: Option<String>,
}

/// `received = stored + duplicate + rejected + erased`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Counts {
    received: u64,
    stored: u64,
    duplicate: u64,
    rejected: u64,
    erased: u64,
}

#[derive(Debug, Deserialize)]
struct Sums {
    results: Vec<Day>,
    pipelines: Vec<Known>,
}

#[derive(Debug, Deserialize)]
struct Day {
    pipeline: String,
    received: u64,
    stored: u64,
    duplicate: u64,
    rejected: u64,
    /// Older versions do not count it.
    #[serde(default)]
    erased: u64,
}

#[derive(Debug, Deserialize)]
struct Known {
    pipeline: String,
    has_sums: bool,
    newest_event_at: Option<String>,
}

/// The state of every pipeline.
///
/// # Errors
/// The API does not answer.
pub(super) async fn look(api: &Api, since: Duration) -> Result<Vec<PipelineState>> {
    let minutes = (since.as_secs() / 60).max(1);
    let query = [("from".to_owned(), format!("-{minutes}m"))];
    let sums: Sums = api
        .get(SUMS, &query)
        .await?
        .json()
        .await
        .context("reading the sums of the pipelines")?;
    let mut states = Vec::new();
    for pipeline in Pipeline::ALL.map(Pipeline::name) {
        let open = rejected_items(api, since, pipeline, "open", MAX_COUNTED).await?;
        let last = rejected_items(api, since, pipeline, "all", 1).await?;
        let known = sums
            .pipelines
            .iter()
            .find(|known| known.pipeline == pipeline);
        let newest = last
            .results
            .first()
            .and_then(|item| item["rejected_at"].as_str());
        states.push(PipelineState {
            pipeline,
            counts: known
                .is_some_and(|known| known.has_sums)
                .then(|| sums.of(pipeline)),
            newest_event_at: known.and_then(|known| known.newest_event_at.clone()),
            open_items: open.results.len(),
            has_more_open: open.is_cut(),
            last_rejected_at: newest.map(str::to_owned),
        });
    }
    Ok(states)
}

/// The newest rejected items of a pipeline that have a status.
async fn rejected_items(
    api: &Api,
    since: Duration,
    pipeline: &str,
    status: &str,
    limit: usize,
) -> Result<rejected::Page> {
    let mut query = rejected::query(since, limit);
    query.push(("pipeline".to_owned(), pipeline.to_owned()));
    query.push(("status".to_owned(), status.to_owned()));
    rejected::first_page(api, &query).await
}

impl Sums {
    fn of(&self, pipeline: &str) -> Counts {
        let mut counts = Counts::default();
        for day in self.results.iter().filter(|day| day.pipeline == pipeline) {
            counts.received += day.received;
            counts.stored += day.stored;
            counts.duplicate += day.duplicate;
            counts.rejected += day.rejected;
            counts.erased += day.erased;
        }
        counts
    }
}

/// A table with a line for each pipeline. `open` counts items, the other numbers what was loaded.
pub(super) fn text(states: &[PipelineState]) -> String {
    let header = [
        "pipeline",
        "received",
        "stored",
        "duplicate",
        "rejected",
        "erased",
        "open",
        "last event",
        "last rejection",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(states.iter().map(|state| {
        let count = |of: fn(Counts) -> u64| {
            state
                .counts
                .map_or_else(unknown, |counts| of(counts).to_string())
        };
        let more = if state.has_more_open { "+" } else { "" };
        vec![
            state.pipeline.replace('_', " "),
            count(|counts| counts.received),
            count(|counts| counts.stored),
            count(|counts| counts.duplicate),
            count(|counts| counts.rejected),
            count(|counts| counts.erased),
            format!("{}{more}", state.open_items),
            state.newest_event_at.clone().unwrap_or_else(unknown),
            state.last_rejected_at.clone().unwrap_or_else(unknown),
        ]
    }));
    lay_out(&rows, |column| {
        if (1..=6).contains(&column) {
            Align::Right
        } else {
            Align::Left
        }
    })
}

fn unknown() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn days_add_up_by_pipeline() {
        let sums: Sums = serde_json::from_value(json!({"pipelines": [], "results": [
            {"day": "2026-11-28", "pipeline": "email_events", "received": 6, "stored": 3, "duplicate": 1, "rejected": 1, "erased": 1},
            {"day": "2026-11-29", "pipeline": "email_events", "received": 2, "stored": 2, "duplicate": 0, "rejected": 0},
            {"day": "2026-11-29", "pipeline": "app_events", "received": 9, "stored": 9, "duplicate": 0, "rejected": 0},
        ]}))
        .unwrap();

        let expected = Counts {
            received: 8,
            stored: 5,
            duplicate: 1,
            rejected: 1,
            erased: 1,
        };
        assert_eq!(sums.of("email_events"), expected);
        assert_eq!(sums.of("product_events"), Counts::default());
    }

    #[test]
    fn what_is_not_known_is_not_zero() {
        let state = PipelineState {
            pipeline: "product_events",
            counts: None,
            newest_event_at: None,
            open_items: 1_000,
            has_more_open: true,
            last_rejected_at: None,
        };

        let text = text(&[state]);

        assert!(text.lines().nth(2).unwrap().contains("1000+"), "{text}");
        assert!(text.ends_with('-'), "{text}");
    }
}
