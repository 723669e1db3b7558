//! `cistern rejected retry` and `cistern rejected settle`.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Search, find, shown::short_id};
use crate::{
    operator::api::Api,
    output::{line, still_running},
    plural::counted,
    table::{Align, fit, lay_out, room},
};

/// What one request may name.
const MAX_IDS: usize = 500;

/// Which items are meant.
#[derive(Clone, Debug, clap::Args)]
struct Choice {
    /// The items, by the ids that `cistern rejected list` prints; without one, all open items that --pipeline and --reason choose
    #[arg(value_name = "ID")]
    ids: Vec<String>,

    #[command(flatten)]
    search: Search,

    /// Maximum number of items, if they are chosen by --pipeline and --reason
    #[arg(long, short = 'n', value_name = "N", default_value_t = 1_000)]
    limit: usize,

    /// Do it (default: a dry run that says what would be done)
    #[arg(long)]
    run: bool,

    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

/// Options of `cistern rejected retry`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Retry {
    #[command(flatten)]
    choice: Choice,

    /// What was fixed, to be kept with the items
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// Options of `cistern rejected settle`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Settle {
    #[command(flatten)]
    choice: Choice,

    /// Why nothing more is to be done, to be kept with the items
    #[arg(long, value_name = "TEXT")]
    note: String,
}

/// The stack's answer, and the sum of several.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Summary {
    dry_run: bool,
    done: usize,
    impossible: usize,
    results: Vec<Outcome>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Outcome {
    id: String,
    status: Option<String>,
    retried_as: Option<String>,
    problem: Option<String>,
}

impl Retry {
    /// 0 if every item is sent again or would be, 3 if some cannot be.
    pub(super) async fn run(&self) -> Result<ExitCode> {
        let summary = self.choice.repair("retry", self.note.as_deref()).await?;
        still_running(self.choice.print(&summary, "sent again"))?;
        if summary.impossible == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!(
            "{} of {} cannot be sent again",
            summary.impossible,
            counted(summary.results.len(), "item")
        );
        Ok(ExitCode::from(3))
    }
}

impl Settle {
    pub(super) async fn run(&self) -> Result<()> {
        let summary = self.choice.repair("settle", Some(&self.note)).await?;
        self.choice.print(&summary, "settled")
    }
}

impl Choice {
    /// The ids of the items that are meant.
    async fn find(&self) -> Result<Vec<String>> {
        let api = self.search.api().await?;
        let items = if self.ids.is_empty() {
            let is_chosen = self.search.reason.is_some() || !self.search.pipeline.is_empty();
            ensure!(
                is_chosen,
                "name items by their ids, or choose them with --reason or --pipeline"
            );
            let (items, has_more) = self.search.items(&api, "open", self.limit).await?;
            if has_more {
                eprintln!(
                    "there are more than {} such items; repeat the command for the rest, or raise --limit",
                    self.limit
                );
            }
            items
        } else {
            let mut items = Vec::new();
            for id in &self.ids {
                items.push(find(&api, &self.search, id).await?);
            }
            items
        };
        items.iter().map(id).collect()
    }

    async fn repair(&self, action: &str, note: Option<&str>) -> Result<Summary> {
        let ids = self.find().await?;
        let api = Api::of(&self.search.target.find().await?, "repair").await?;
        let mut sum = Summary {
            dry_run: !self.run,
            ..Summary::default()
        };
        for ids in ids.chunks(MAX_IDS) {
            let body = json!({ "ids": ids, "note": note, "dry_run": !self.run });
            let answer = api
                .post(&format!("/api/v1/rejected/{action}"), &[], &body)
                .await?;
            let part: Summary = answer
                .json()
                .await
                .map_err(reqwest::Error::without_url)
                .context("reading the stack's answer")?;
            sum.done += part.done;
            sum.impossible += part.impossible;
            sum.results.extend(part.results);
        }
        Ok(sum)
    }

    fn print(&self, summary: &Summary, done: &str) -> Result<()> {
        if self.json {
            return line!("{}", serde_json::to_string_pretty(summary)?);
        }
        if summary.results.is_empty() {
            eprintln!("no such items; try a longer time with --since 90d");
            return Ok(());
        }
        line!("{}", table(summary, room()))?;
        let suffix = self.search.target.suffix();
        let (count, all) = (summary.done, counted(summary.results.len(), "item"));
        if summary.dry_run {
            eprintln!("{count} of {all} would be {done}. Nothing is done yet: add --run.");
        } else {
            eprintln!(
                "{count} of {all} {} {done}. What is rejected again is a new item: `cistern rejected list{suffix}`",
                if count == 1 { "was" } else { "were" }
            );
        }
        Ok(())
    }
}

/// The id of an item, by which the stack finds it.
fn id(item: &Value) -> Result<String> {
    match item["id"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => bail!(
            "an item of {} has no id: an older version may be deployed",
            item["rejected_at"]
        ),
    }
}

fn table(summary: &Summary, room: Option<usize>) -> String {
    let mut rows = vec![["id", "outcome", "as"].map(str::to_owned).to_vec()];
    rows.extend(summary.results.iter().map(|outcome| {
        let short = short_id(&json!({ "id": outcome.id }));
        let status = outcome
            .status
            .clone()
            .unwrap_or_else(|| "impossible".to_owned());
        let detail = outcome
            .problem
            .clone()
            .or_else(|| outcome.retried_as.clone());
        vec![short, status, detail.unwrap_or_default()]
    }));
    room.and_then(|room| fit(&rows, room, |_| Align::Left))
        .unwrap_or_else(|| lay_out(&rows, |_| Align::Left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_what_became_of_each_item_or_why_it_cannot_be_sent() {
        let outcome = |id: &str, status: Option<&str>, problem: Option<&str>| Outcome {
            id: id.to_owned(),
            status: status.map(str::to_owned),
            retried_as: status.map(|_| "raw/sparkpost/x".to_owned()),
            problem: problem.map(str::to_owned),
        };
        let summary = Summary {
            results: vec![
                outcome("row.2026-11-17.1.b", Some("retried"), None),
                outcome("row.2026-11-17.2.b", None, Some("its source is gone")),
            ],
            ..Summary::default()
        };

        let text = table(&summary, None);

        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines
                .iter()
                .any(|line| line.contains("retried") && line.contains("raw/sparkpost/x")),
            "{text}"
        );
        assert!(
            lines
                .iter()
                .any(|line| line.contains("impossible") && line.contains("its source is gone")),
            "{text}"
        );
    }

    #[test]
    fn an_item_without_an_id_says_that_the_stack_is_older() {
        let error = id(&json!({"rejected_at": "2026-11-17T09:00:00Z"})).unwrap_err();

        assert!(error.to_string().contains("older version"), "{error}");
    }
}
