//! `cistern cost`: what a month costs.

use anyhow::Result;
use cost_model::{
    AppEvents, Bill, Database, EmailEvents, Endpoint, Item, ProductEvents, QueryLoad, Scenario,
    Shape, article, prices, report,
};
use serde_json::json;

use crate::table::{Align, lay_out};

/// Options of `cistern cost`. The defaults are the month for which the published design was priced.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Product events per month, such as 200M; 0 leaves the pipeline out
    #[arg(long, value_name = "N", default_value = "200M", value_parser = parse_number)]
    events: f64,

    /// Product events per request of a client
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_at_least_one)]
    events_per_request: f64,

    /// Bytes of a product event as sent
    #[arg(long, value_name = "N", default_value = "200", value_parser = parse_number)]
    bytes_per_event: f64,

    /// Gateway of product events
    #[arg(long, value_enum, default_value = "function-url")]
    endpoint: EndpointArg,

    /// Kind of product events, which determines how well they compress
    #[arg(long, value_enum, default_value = "article")]
    shape: Looks,

    /// Tables that queries over a year read
    #[arg(long, value_enum, default_value = "days")]
    look_back: LookBack,

    /// Queries per month: a third each count users of a month, one event of a year, users of a year [default: 76,453, as published]
    #[arg(long, value_name = "N", value_parser = parse_number)]
    queries: Option<f64>,

    /// Number of queries with different texts
    #[arg(long, value_name = "N", default_value = "3", value_parser = parse_number)]
    different_queries: f64,

    /// Minutes for which Athena may return a stored result; 0 runs every query
    #[arg(long, value_name = "MINUTES", default_value = "60", value_parser = parse_number)]
    reuse_minutes: f64,

    /// Email events per month; 0 leaves the pipeline out
    #[arg(long, value_name = "N", default_value = "0", value_parser = parse_number)]
    email_events: f64,

    /// Searches for email events per month
    #[arg(long, value_name = "N", default_value = "10k", value_parser = parse_number)]
    searches: f64,

    /// The Postgres of email events
    #[arg(long, value_enum, default_value = "small")]
    database: Postgres,

    /// Forwarded app events per month; 0 leaves the pipeline out
    #[arg(long, value_name = "N", default_value = "0", value_parser = parse_number)]
    app_events: f64,

    /// Months to keep events
    #[arg(long, value_name = "MONTHS", default_value = "12", value_parser = parse_number)]
    retention_months: f64,

    /// Do not subtract free tiers, because other resources of the account use them up
    #[arg(long)]
    no_free_tier: bool,

    /// Print all meters and lines as JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,

    /// Print docs/cost.md, which has its own inputs
    #[arg(long)]
    markdown: bool,
}

/// [`Endpoint`] on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum EndpointArg {
    /// The function's own URL
    FunctionUrl,
    /// The HTTP API
    HttpApi,
    /// A REST API
    RestApi,
}

/// [`Shape`] on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Looks {
    /// The events of the published generator
    Article,
    /// A click stream with millions of ids
    Click,
}

/// From which tables a year is read.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LookBack {
    /// The file of each day
    Days,
    /// The monthly copies that `CloseMonths` makes, and the days since
    Months,
}

/// [`Database`] on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Postgres {
    /// db.t4g.micro
    Micro,
    /// db.t4g.small
    Small,
    /// db.t4g.medium
    Medium,
    /// db.t4g.large
    Large,
    /// Your own, which is not priced
    Own,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let scenario = options.scenario();
    let bill = Bill::of(&scenario);
    let idle = Bill::of(&scenario.idle());
    if options.markdown {
        print!("{}", report::markdown());
    } else if options.json {
        let answer = json!({
            "region": prices::REGION,
            "prices_revised": prices::REVISED,
            "scenario": scenario,
            "total_usd": bill.total_usd(),
            "idle_usd": idle.total_usd(),
            "by_item": by_item(&bill),
            "lines": bill.lines(),
            "published": {
                "total_usd": article::total_usd(),
                "today_usd": article::recomputed().total_usd(),
                "by_item": article::TABLE.map(|(item, usd)| json!({"item": item, "usd": usd})),
            },
        });
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        println!("{}", text(options, &bill, &idle));
    }
    Ok(())
}

impl Options {
    fn scenario(&self) -> Scenario {
        let product_events = (self.events > 0.0).then(|| ProductEvents {
            events: self.events,
            events_per_request: self.events_per_request,
            bytes_per_event: self.bytes_per_event,
            endpoint: match self.endpoint {
                EndpointArg::FunctionUrl => Endpoint::FunctionUrl,
                EndpointArg::HttpApi => Endpoint::HttpApi,
                EndpointArg::RestApi => Endpoint::RestApi,
            },
            shape: match self.shape {
                Looks::Article => Shape::Article,
                Looks::Click => Shape::Click,
            },
            close_months: match self.look_back {
                LookBack::Days => false,
                LookBack::Months => true,
            },
            queries: QueryLoad {
                queries: self.queries.unwrap_or(article::QUERIES),
                different: self.different_queries,
                reuse_minutes: self.reuse_minutes,
            },
        });
        let email_events = (self.email_events > 0.0).then(|| EmailEvents {
            events: self.email_events,
            searches: self.searches,
            database: match self.database {
                Postgres::Micro => Database::Micro,
                Postgres::Small => Database::Small,
                Postgres::Medium => Database::Medium,
                Postgres::Large => Database::Large,
                Postgres::Own => Database::Own,
            },
            ..EmailEvents::default()
        });
        let app_events = (self.app_events > 0.0).then(|| AppEvents {
            events: self.app_events,
            ..AppEvents::default()
        });
        Scenario {
            product_events,
            email_events,
            app_events,
            retention_months: self.retention_months,
            free_tier: !self.no_free_tier,
        }
    }
}

fn by_item(bill: &Bill) -> Vec<serde_json::Value> {
    let items = bill.by_item().into_iter();
    items
        .map(|(item, usd)| json!({"item": item, "usd": usd}))
        .collect()
}

fn text(options: &Options, bill: &Bill, idle: &Bill) -> String {
    let published = |item| {
        let line = article::TABLE.iter().find(|(other, _)| *other == item);
        line.map_or(0.0, |(_, usd)| *usd)
    };
    let total = bill.total_usd();
    let mut rows = vec![["dollars per month", "", "share", "published"].map(str::to_owned)];
    let mut items = bill.by_item();
    let unused = |item: &Item| items.iter().all(|(used, _)| used != item);
    let only_published: Vec<Item> = article::TABLE
        .iter()
        .map(|(item, _)| *item)
        .filter(unused)
        .collect();
    items.extend(only_published.into_iter().map(|item| (item, 0.0)));
    rows.extend(items.into_iter().map(|(item, usd)| {
        [
            item.title().to_owned(),
            cell(usd),
            format!("{:.0} %", usd / total * 100.0),
            cell(published(item)),
        ]
    }));
    rows.push([
        "total".to_owned(),
        report::dollars(total),
        String::new(),
        report::dollars(article::total_usd()),
    ]);
    let rows: Vec<Vec<String>> = rows.into_iter().map(Vec::from).collect();
    let table = lay_out(&rows, |column| {
        if column == 0 {
            Align::Left
        } else {
            Align::Right
        }
    });
    format!(
        "{inputs}\n\n{table}\n\nIn a month in which nothing arrives: {idle} dollars. Prices: {region}, {revised}.\n\
         Published: 200,000,000 product events, one a request, the same queries; see docs/cost.md.",
        inputs = inputs(options),
        idle = report::dollars(idle.total_usd()),
        region = prices::REGION,
        revised = prices::REVISED,
    )
}

fn inputs(options: &Options) -> String {
    let mut parts = Vec::new();
    if options.events > 0.0 {
        parts.push(format!(
            "{} product events, {} per request",
            report::count(options.events),
            report::count(options.events_per_request)
        ));
    }
    if options.email_events > 0.0 {
        parts.push(format!(
            "{} email events",
            report::count(options.email_events)
        ));
    }
    if options.app_events > 0.0 {
        parts.push(format!("{} app events", report::count(options.app_events)));
    }
    if parts.is_empty() {
        "No events".to_owned()
    } else {
        parts.join("; ")
    }
}

fn cell(usd: f64) -> String {
    if usd < 0.005 {
        "–".to_owned()
    } else {
        report::dollars(usd)
    }
}

/// A number as people write large numbers: `200M`, `2B`, `10k`, `1,000`.
fn parse_number(text: &str) -> Result<f64, String> {
    let plain = text.replace([',', '_'], "");
    let (digits, factor) = match plain.chars().last() {
        Some('k' | 'K') => (&plain[..plain.len() - 1], 1e3),
        Some('M' | 'm') => (&plain[..plain.len() - 1], 1e6),
        Some('B' | 'b') => (&plain[..plain.len() - 1], 1e9),
        _ => (plain.as_str(), 1.0),
    };
    let number: f64 = digits.parse().map_err(|_| form())?;
    if number.is_finite() && number >= 0.0 {
        Ok(number * factor)
    } else {
        Err(form())
    }
}

fn parse_at_least_one(text: &str) -> Result<f64, String> {
    parse_number(text).and_then(|number| {
        if number >= 1.0 {
            Ok(number)
        } else {
            Err("expected 1 or more".to_owned())
        }
    })
}

fn form() -> String {
    "expected a number such as 1500, 10k, 200M or 2B".to_owned()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    fn options(arguments: &[&str]) -> Options {
        let words = ["cost"].into_iter().chain(arguments.iter().copied());
        Cli::parse_from(words).options
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, number) in [
            ("200M", 200e6),
            ("2B", 2e9),
            ("10k", 10e3),
            ("1,000", 1e3),
            ("1.5M", 1.5e6),
            ("7", 7.0),
        ] {
            assert!(
                (parse_number(text).unwrap() - number).abs() < 1e-6,
                "{text}"
            );
        }
        for text in ["", "M", "-1", "many", "1e400", "é"] {
            assert!(parse_number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn without_options_it_is_the_published_month() {
        assert_eq!(options(&[]).scenario(), article::scenario(1.0));
    }

    #[test]
    fn text_names_the_total_and_the_published_one() {
        let options = options(&["--events-per-request", "10", "--email-events", "1M"]);
        let scenario = options.scenario();

        let text = text(&options, &Bill::of(&scenario), &Bill::of(&scenario.idle()));

        assert!(
            text.contains("200,000,000 product events, 10 per request; 1,000,000 email events")
        );
        assert!(text.contains("3,361.57"), "{text}");
        assert!(text.contains("Postgres"), "{text}");
    }
}
