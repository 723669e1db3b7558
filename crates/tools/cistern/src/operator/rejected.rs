//! `cistern rejected`: what could not be used, of all pipelines, why, and what is done about it.

mod repair;
mod shown;

use std::{process::ExitCode, time::Duration};

use anyhow::{Result, bail};
use event_model::Pipeline;
use serde::Deserialize;
use serde_json::Value;

use self::shown::{described, is_meant, table};
use crate::{
    operator::{
        api::{Api, Links},
        events::span,
        target::TargetArgs,
    },
    output::line,
    plural::counted,
    table::room,
};

const PATH: &str = "/api/v1/rejected";
const MAX_PER_PAGE: usize = 1_000;
/// Without `--since`.
const DEFAULT_SINCE: Duration = Duration::from_hours(7 * 24);
/// Bounds the search for one item.
const MAX_PAGES: usize = 50;

/// What to do with rejected items.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List rejected items, newest first
    #[command(after_help = "Examples:\n  cistern rejected list\n  \
                            cistern rejected list --pipeline email_events --since 30d --reason timestamp\n  \
                            cistern rejected list --json --limit 10000 | jq -r .reason | sort | uniq -c")]
    List(List),
    /// Show one item as it was received, and what to do
    #[command(
        after_help = "Examples:\n  cistern rejected show 3f9c02ab17\n  cistern rejected show 3f9c --since 30d --json"
    )]
    Show(Show),
    /// Send items through their pipelines again, after a fix [default: a dry run]
    #[command(
        after_help = "Exit code 0 if every item is sent again or would be, 3 if some cannot be.\n\n\
                      Examples:\n  cistern rejected retry 3f9c02ab17\n  cistern rejected retry 3f9c02ab17 --run\n  \
                      cistern rejected retry --pipeline email_events --reason timestamp --since 30d --run"
    )]
    Retry(repair::Retry),
    /// Mark items as settled: nothing more is to be done about them [default: a dry run]
    #[command(
        after_help = "Examples:\n  cistern rejected settle 3f9c02ab17 --note 'a test of ours' --run\n  \
                      cistern rejected settle --reason past_retention --since 30d --note 'too old, on purpose' --run"
    )]
    Settle(repair::Settle),
}

/// Where to look.
#[derive(Clone, Debug, clap::Args)]
struct Search {
    /// Only items rejected in this time before now, such as 24h, 7d or 30d
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = span::parse)]
    since: Duration,

    /// Only items of these pipelines: `email_events`, `app_events`, `product_events`
    #[arg(long, value_delimiter = ',', value_parser = parse_pipeline)]
    pipeline: Vec<String>,

    /// Only items whose reason or detail contains this, in any case
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    #[command(flatten)]
    target: TargetArgs,
}

/// Options of `cistern rejected list`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    search: Search,

    /// Which items: `open`, `retried`, `settled` or `all`
    #[arg(long, value_name = "STATUS", default_value = "open", value_parser = ["open", "retried", "settled", "all"])]
    status: String,

    /// Maximum number of items
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    limit: usize,

    /// Print one JSON object per item and line
    #[arg(long)]
    json: bool,
}

/// Options of `cistern rejected show`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Show {
    /// The id of the item, or its first letters, as `cistern rejected list` prints it
    id: String,

    #[command(flatten)]
    search: Search,

    /// Print the item and its circumstances as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) results: Vec<Value>,
    #[serde(default)]
    links: Links,
}

fn parse_pipeline(name: &str) -> Result<String, String> {
    let names = Pipeline::ALL.map(Pipeline::name);
    if names.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(format!("expected one of {}", names.join(", ")))
}

pub(crate) async fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::List(options) => list(options).await?,
        Command::Show(options) => show(options).await?,
        Command::Retry(options) => return options.run().await,
        Command::Settle(options) => options.run().await?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Search {
    async fn api(&self) -> Result<Api> {
        Api::of(&self.target.find().await?, "query").await
    }

    /// What is appended to a command, so that it finds the same items by their ids.
    fn suffix(&self) -> String {
        let target = self.target.suffix();
        if self.since == DEFAULT_SINCE {
            target
        } else {
            format!(" --since {}{target}", span::text(self.since))
        }
    }

    /// The newest items of a status, at most `limit`, and whether there are more.
    async fn items(&self, api: &Api, status: &str, limit: usize) -> Result<(Vec<Value>, bool)> {
        let mut query = self.query(limit);
        query.push(("status".to_owned(), status.to_owned()));
        let mut page = first_page(api, &query).await?;
        let mut items = std::mem::take(&mut page.results);
        while items.len() < limit {
            match page.next(api).await? {
                Some(mut next) => {
                    items.append(&mut next.results);
                    page = next;
                }
                None => break,
            }
        }
        let has_more = items.len() > limit || page.is_cut();
        items.truncate(limit);
        Ok((items, has_more))
    }

    fn query(&self, per_page: usize) -> Vec<(String, String)> {
        let mut query = query(self.since, per_page);
        if !self.pipeline.is_empty() {
            query.push(("pipeline".to_owned(), self.pipeline.join(",")));
        }
        if let Some(reason) = &self.reason {
            query.push(("reason".to_owned(), reason.clone()));
        }
        query
    }
}

/// The parameters of a range up to now.
pub(super) fn query(since: Duration, per_page: usize) -> Vec<(String, String)> {
    vec![
        (
            "from".to_owned(),
            format!("-{}m", (since.as_secs() / 60).max(1)),
        ),
        (
            "per_page".to_owned(),
            per_page.clamp(1, MAX_PER_PAGE).to_string(),
        ),
    ]
}

/// The first page of a search.
pub(super) async fn first_page(api: &Api, query: &[(String, String)]) -> Result<Page> {
    api.first_page(PATH, query).await
}

impl Page {
    async fn next(&self, api: &Api) -> Result<Option<Self>> {
        api.next_page(&self.links).await
    }

    /// Whether there are more items than these.
    pub(super) fn is_cut(&self) -> bool {
        !self.links.is_last()
    }
}

async fn list(options: &List) -> Result<()> {
    let api = options.search.api().await?;
    let (items, has_more) = options
        .search
        .items(&api, &options.status, options.limit)
        .await?;
    if options.json {
        for item in &items {
            line!("{item}")?;
        }
        if has_more {
            eprintln!(
                "the newest {}; there are more (--limit)",
                counted(items.len(), "item")
            );
        }
        return Ok(());
    }
    if items.is_empty() {
        eprintln!(
            "no rejected items are {}; try a longer time with --since 90d, or --status all",
            options.status
        );
        return Ok(());
    }
    line!("{}", table(&items, room()))?;
    let suffix = options.search.suffix();
    let more = if has_more {
        "; there are more (--limit)"
    } else {
        ""
    };
    eprintln!(
        "{}{more}. `cistern rejected show ID{suffix}` shows one; `retry` and `settle` put it right",
        counted(items.len(), "item")
    );
    Ok(())
}

/// The one item that a person means.
async fn find(api: &Api, search: &Search, given: &str) -> Result<Value> {
    let mut page = first_page(api, &search.query(MAX_PER_PAGE)).await?;
    for _ in 0..MAX_PAGES {
        let mut found = page.results.iter().filter(|item| is_meant(item, given));
        if let Some(item) = found.next() {
            if found.next().is_some() {
                bail!(
                    "the ids of several items begin with {given}; give more letters (--json of the list has the whole ids)"
                );
            }
            return Ok(item.clone());
        }
        match page.next(api).await? {
            Some(next) => page = next,
            None => break,
        }
    }
    bail!("no item with the id {given} was found; try a longer time with --since 30d")
}

async fn show(options: &Show) -> Result<()> {
    let api = options.search.api().await?;
    let item = find(&api, &options.search, &options.id).await?;
    if options.json {
        line!("{item:#}")
    } else {
        line!("{}", described(&item, &options.search.suffix(), room()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_at_least_a_minute() {
        assert_eq!(query(Duration::from_secs(5), 9_999)[0].1, "-1m");
        assert_eq!(query(Duration::from_secs(5), 9_999)[1].1, "1000");
        assert!(
            parse_pipeline("email")
                .unwrap_err()
                .contains("email_events")
        );
    }
}
