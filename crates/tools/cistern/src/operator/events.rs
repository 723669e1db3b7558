//! `cistern events`: searches email events through the stack's API.

mod csv;
mod filters;
mod follow;
mod page;
mod shown;
pub(crate) mod span;
mod window;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use time::OffsetDateTime;

use self::{
    csv::Export,
    filters::Filters,
    follow::Follow,
    page::Page,
    shown::{Form, Lines},
    window::{DEFAULT_SINCE, Window},
};
use crate::{
    operator::{api::Api, target::TargetArgs},
    plural::counted,
    table::room,
};

/// The number of events that are printed unless `--limit` says otherwise.
const DEFAULT_LIMIT: usize = 50;
/// The most events of one request.
const MAX_PER_PAGE: usize = 1_000;

/// Options of `cistern events`.
#[derive(Clone, Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct Options {
    #[command(flatten)]
    filters: Filters,

    /// Only events of this time before now, such as 30m, 24h, 7d or 2w [default: 24h]
    #[arg(long, value_name = "SPAN", value_parser = span::parse, group = "start", help_heading = "Time")]
    since: Option<Duration>,

    /// Only events at or after this time: 2026-01-31, 2026-01-31T12:00, with Z or an offset; or an age, -7d
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        group = "start",
        help_heading = "Time"
    )]
    from: Option<String>,

    /// Only events before this time; with --from or --since [default: now]
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        requires = "start",
        help_heading = "Time"
    )]
    to: Option<String>,

    /// Time zone of --from and --to, such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE", help_heading = "Time")]
    timezone: Option<String>,

    /// Words match whole names only: `--campaign winter` does not find winter-reading-2026
    #[arg(long, help_heading = "Filters")]
    exact: bool,

    /// Maximum number of events [default: 50; with --csv all]
    #[arg(long, short = 'n', value_name = "N")]
    limit: Option<usize>,

    /// Members to show, in this order, such as `timestamp,rcpt_to,rcpt_meta.plan`
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Option<Vec<String>>,

    /// Show each event as a block with a line for each member
    #[arg(short = 'x', long)]
    rows: bool,

    /// Print events as they arrive, until you press Ctrl-C
    #[arg(long, short = 'f', conflicts_with_all = ["csv", "from", "to"])]
    follow: bool,

    /// Write all matching events to a CSV file; - is stdout
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rows", "json"])]
    csv: Option<PathBuf>,

    /// Begin the CSV file with a byte order mark, so that Excel reads it as UTF-8
    #[arg(long, requires = "csv")]
    bom: bool,

    #[command(flatten)]
    target: TargetArgs,

    /// Print one JSON object per event and line
    #[arg(long, conflicts_with_all = ["rows", "columns"])]
    json: bool,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    for (given, closest) in options.filters.unknown_types() {
        eprintln!("note: SparkPost documents no type `{given}`; the closest is `{closest}`");
    }
    let target = options.target.find().await?;
    let api = Api::of(&target, "query").await?;
    if options.follow {
        return follow(options, &api).await;
    }
    let window = Window::new(
        options.since,
        options.from.as_deref(),
        options.to.as_deref(),
        OffsetDateTime::now_utc(),
    )?;
    let query = options.query(&window);
    if let Some(file) = &options.csv {
        let export = Export {
            file,
            columns: options.columns.as_deref(),
            has_mark: options.bom,
            limit: options
                .limit
                .map(|limit| u64::try_from(limit).unwrap_or(u64::MAX)),
        };
        let rows = export.write(&api, &query).await?;
        eprintln!("{} in {}", counted(rows, "event"), file.display());
        return explain_nothing(options, &api, &window, rows == 0).await;
    }
    let (printed, total) = print(options, &api, &query).await?;
    if printed > 0 {
        eprintln!("{}", summary(printed, total));
    }
    explain_nothing(
        options,
        &api,
        &window,
        printed == 0 && options.limit != Some(0),
    )
    .await
}

/// Prints up to the limit, one page after another, and returns the number and how many match.
async fn print(options: &Options, api: &Api, query: &[(String, String)]) -> Result<(usize, u64)> {
    let limit = options.limit.unwrap_or(DEFAULT_LIMIT);
    let mut query = query.to_vec();
    let per_page = limit.clamp(1, MAX_PER_PAGE).to_string();
    query.push(("per_page".to_owned(), per_page));
    let mut page = Page::first(api, &query).await?;
    let total = page.total_count;
    let form = options.form();
    // A table is as wide as all of its rows; everything else is printed as it comes.
    let mut table = Vec::new();
    let mut printed = 0;
    loop {
        page.results.truncate(limit - printed);
        let first_number = printed + 1;
        printed += page.results.len();
        match form {
            Form::Table { .. } => table.append(&mut page.results),
            Form::Rows { .. } | Form::Json => form.print(&page.results, first_number)?,
        }
        if printed >= limit {
            break;
        }
        match page.next(api).await? {
            Some(next) => page = next,
            None => break,
        }
    }
    form.print(&table, 1)?;
    Ok((printed, total))
}

async fn follow(options: &Options, api: &Api) -> Result<()> {
    let now = OffsetDateTime::now_utc();
    let mut filters = options.filter_pairs();
    let from = now - options.since.unwrap_or_default();
    filters.extend(options.timezone_pair());
    let follow = Follow {
        filters,
        from,
        limit: options.limit.unwrap_or(DEFAULT_LIMIT),
        form: options.form(),
        lines: Lines::new(options.columns.clone(), room()),
    };
    follow.run(api).await
}

/// What to try when nothing was found: the result alone does not say whether the filters or the range exclude everything.
async fn explain_nothing(
    options: &Options,
    api: &Api,
    window: &Window,
    is_nothing: bool,
) -> Result<()> {
    if !is_nothing {
        return Ok(());
    }
    let Window { from, to } = window;
    if !options.filters.is_empty() {
        let mut query = window.pairs();
        query.push(("per_page".to_owned(), "1".to_owned()));
        query.extend(options.timezone_pair());
        let without_filters = Page::first(api, &query).await?.total_count;
        if without_filters > 0 {
            let least = if without_filters >= COUNTED {
                "at least "
            } else {
                ""
            };
            eprintln!(
                "no event matches; without the filters there are {least}{without_filters} from {from} to {to}. \
                 Try fewer filters, or a longer time with --since 30d"
            );
            return Ok(());
        }
    }
    let longer = match (&options.from, options.since.unwrap_or(DEFAULT_SINCE)) {
        (None, since) if since < Duration::from_hours(24 * 90) => "; try --since 90d",
        _ => "",
    };
    let suffix = options.target.suffix();
    let sends = if options.target.is_deployed() {
        String::new()
    } else {
        format!(", `cistern send events/sparkpost/bounce.json{suffix}` sends one")
    };
    eprintln!(
        "no event is stored from {from} to {to}{longer}. \
         `cistern status{suffix}` shows the last event{sends}"
    );
    Ok(())
}

/// The API stops counting here unless asked for the exact number, so this total means at least as many.
const COUNTED: u64 = 10_000;

fn summary(printed: usize, total: u64) -> String {
    let printed = u64::try_from(printed).unwrap_or(u64::MAX);
    match (printed, total) {
        (1, 0 | 1) => "1 event".to_owned(),
        (printed, total) if printed >= total => format!("{printed} events"),
        (printed, total) => {
            let least = if total >= COUNTED { "at least " } else { "" };
            format!(
                "the newest {printed} of {least}{total} events (--limit shows more, --csv FILE writes all)"
            )
        }
    }
}

impl Options {
    fn query(&self, window: &Window) -> Vec<(String, String)> {
        let mut query = self.filter_pairs();
        query.extend(window.pairs());
        query.extend(self.timezone_pair());
        query
    }

    fn filter_pairs(&self) -> Vec<(String, String)> {
        let mut pairs = self.filters.pairs();
        if self.exact {
            pairs.push(("match".to_owned(), "exact".to_owned()));
        }
        pairs
    }

    fn timezone_pair(&self) -> Option<(String, String)> {
        let zone = self.timezone.clone()?;
        Some(("timezone".to_owned(), zone))
    }

    fn form(&self) -> Form {
        if self.json {
            Form::Json
        } else if self.rows {
            Form::Rows {
                columns: self.columns.clone(),
                room: room(),
            }
        } else {
            Form::table(self.columns.clone(), room())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_is_not_shown() {
        assert_eq!(summary(1, 1), "1 event");
        assert_eq!(summary(3, 3), "3 events");
        assert_eq!(
            summary(50, 1808),
            "the newest 50 of 1808 events (--limit shows more, --csv FILE writes all)"
        );
        assert!(summary(50, COUNTED).starts_with("the newest 50 of at least 10000 events"));
    }
}
