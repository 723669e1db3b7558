//! `cistern rejected`: what could not be used, of all pipelines, why, and what is done about it.

mod repair;

use std::{fmt::Write as _, time::Duration};

use anyhow::{Result, bail};
use event_model::Pipeline;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    operator::{
        api::{Api, Links},
        events::span,
        target::TargetArgs,
    },
    output::line,
    table::{Align, fit, lay_out, printable_lines, records, room, text_of},
};

const PATH: &str = "/api/v1/rejected";
const MAX_PER_PAGE: usize = 1_000;
/// Bounds the search for one item.
const MAX_PAGES: usize = 50;
/// The letters of an id that lists show; more distinguish items whose ids begin alike.
const ID_LETTERS: usize = 10;

/// What to do with rejected items.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List rejected items, newest first
    #[command(after_help = "Examples:\n  cistern rejected list\n  \
                            cistern rejected list --pipeline email_events --since 30d --reason timestamp\n  \
                            cistern rejected list --json | jq -r .reason | sort | uniq -c")]
    List(List),
    /// Show one item as it was received, and what to do
    #[command(
        after_help = "Examples:\n  cistern rejected show 3f9c02ab17\n  cistern rejected show 3f9c --since 30d --json"
    )]
    Show(Show),
    /// Send items through their pipelines again, after a fix [default: a dry run]
    #[command(
        after_help = "Examples:\n  cistern rejected retry 3f9c02ab17\n  cistern rejected retry 3f9c02ab17 --run\n  \
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

pub(crate) async fn run(command: &Command) -> Result<()> {
    match command {
        Command::List(options) => list(options).await,
        Command::Show(options) => show(options).await,
        Command::Retry(options) => options.run().await,
        Command::Settle(options) => options.run().await,
    }
}

impl Search {
    async fn api(&self) -> Result<Api> {
        Api::of(&self.target.find().await?, "query").await
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
    let more = if has_more {
        "; there are more (--limit)"
    } else {
        ""
    };
    eprintln!(
        "{} items{more}. `cistern rejected show ID` shows one; `retry` and `settle` put it right",
        items.len()
    );
    Ok(())
}

fn table(items: &[Value], room: Option<usize>) -> String {
    let mut rows = vec![
        ["id", "rejected_at", "pipeline", "status", "reason"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(items.iter().map(|item| {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let reason = match item["detail"].as_str() {
            Some(detail) => format!("{}: {detail}", text("reason")),
            None => text("reason"),
        };
        vec![
            short_id(item),
            text("rejected_at"),
            text("pipeline"),
            text("status"),
            reason,
        ]
    }));
    room.and_then(|room| fit(&rows, room, |_| Align::Left))
        .unwrap_or_else(|| lay_out(&rows, |_| Align::Left))
}

/// The id as a person types it, short: the beginning of a hash of the whole one.
fn short_id(item: &Value) -> String {
    hash(item).chars().take(ID_LETTERS).collect()
}

fn hash(item: &Value) -> String {
    hex::encode(Sha256::digest(
        item["id"].as_str().unwrap_or_default().as_bytes(),
    ))
}

/// Whether a person means this item: by its id, or by the first letters of the short one.
fn is_meant(item: &Value, given: &str) -> bool {
    item["id"] == given || (!given.is_empty() && hash(item).starts_with(given))
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
        line!("{}", described(&item, room()))
    }
}

fn described(item: &Value, room: Option<usize>) -> String {
    let names = [
        "id",
        "status",
        "marked_at",
        "note",
        "retried_as",
        "pipeline",
        "reason",
        "detail",
        "rejected_at",
        "source_key",
        "batch_key",
        "message_id",
        "ordinal",
        "item_bytes",
        "item_base64",
    ]
    .map(str::to_owned);
    let values: Vec<Option<String>> = names
        .iter()
        .map(|name| text_of(&item[name.as_str()]))
        .collect();
    let head = records(&names, std::iter::once(values.as_slice()), 1, room);
    let head = head
        .split_once('\n')
        .and_then(|(_, rest)| rest.split_once('\n'))
        .map_or(head.as_str(), |(_, rest)| rest);
    let mut text = head.to_owned();
    if let Some(raw) = item["item"].as_str() {
        let pretty = serde_json::from_str::<Value>(raw).map(|value| format!("{value:#}"));
        let shown = pretty.unwrap_or_else(|_| raw.to_owned());
        let _infallible = write!(text, "\n\n{}", printable_lines(&shown));
        if item["is_item_truncated"] == true {
            text.push_str("\n… (the rest is in source_key)");
        }
    }
    let _infallible = write!(text, "\n\n{}", advice(item));
    text
}

/// What a person does next.
fn advice(item: &Value) -> String {
    let id = short_id(item);
    let fix = match item["pipeline"].as_str() {
        Some("email_events") => {
            "Fix the sender and send the corrected event again with `cistern send FILE`."
        }
        Some("app_events") => {
            "`cistern forward --dry-run FILE` shows what would become of a corrected batch, and why."
        }
        _ => "Fix the sender and send the corrected event again.",
    };
    format!(
        "{fix} If a newer version or setting of Cistern accepts the item: `cistern rejected retry {id} --run`. \
         When nothing more is to be done: `cistern rejected settle {id} --note WHY --run`."
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(ordinal: u32) -> Value {
        json!({"id": format!("row.2026-11-17.{ordinal}.b"), "status": "open", "marked_at": null, "note": null, "retried_as": null,
            "pipeline": "email_events", "store": "postgres", "reason": "`timestamp` is missing", "rejected_at": "2026-11-17T09:00:00Z",
            "source_key": "raw/sparkpost/dt=2026-11-17/b.json.gz", "batch_key": "b", "ordinal": ordinal, "detail": null,
            "item": "{\"type\":\"\u{1b}[2J\"}", "item_bytes": 17, "is_item_truncated": false})
    }

    #[test]
    fn an_id_is_that_of_one_item() {
        assert_ne!(short_id(&item(1)), short_id(&item(2)));
        for given in [
            "row.2026-11-17.1.b",
            &short_id(&item(1)),
            &short_id(&item(1))[..4],
        ] {
            assert!(
                is_meant(&item(1), given) && !is_meant(&item(2), given),
                "{given}"
            );
        }
        assert!(!is_meant(&item(1), ""));
    }

    #[test]
    fn a_list_shows_reasons_and_ids() {
        let text = table(&[item(1)], None);

        assert!(
            text.contains("`timestamp` is missing") && text.contains(&short_id(&item(1))),
            "{text}"
        );
    }

    #[test]
    fn an_item_is_shown_as_received_and_with_what_to_do() {
        let text = described(&item(1), Some(80));

        assert!(text.starts_with("id"), "{text}");
        assert!(
            !text.contains('\u{1b}') && text.contains("{\"type\":\"␛[2J\"}"),
            "{text}"
        );
        assert!(text.contains("cistern send FILE"), "{text}");
    }

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
