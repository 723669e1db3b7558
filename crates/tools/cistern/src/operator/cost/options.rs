//! The options, and the month that they describe.

use cost_model::{
    AppEvents, Database, EmailEvents, Endpoint, ProductEvents, QueryLoad, Scenario, Shape, article,
};

pub(super) use crate::operator::number::parse as parse_number;

/// Options of `cistern cost`. The defaults are the month for which the published design was priced.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Product events per month, such as 200M; 0 leaves the pipeline out
    #[arg(long, value_name = "N", default_value = "200M", value_parser = parse_number)]
    pub(super) events: f64,

    /// Product events per request of a client
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_at_least_one)]
    pub(super) events_per_request: f64,

    /// Bytes of a product event as sent
    #[arg(long, value_name = "N", default_value = "200", value_parser = parse_number)]
    pub(super) bytes_per_event: f64,

    /// Gateway of product events
    #[arg(long, value_enum, default_value = "function-url")]
    pub(super) endpoint: EndpointArg,

    /// Kind of product events, which determines how well they compress
    #[arg(long, value_enum, default_value = "article")]
    pub(super) shape: ShapeArg,

    /// Tables that queries over a year read
    #[arg(long, value_enum, default_value = "days")]
    pub(super) look_back: LookBack,

    /// Queries per month: a third each count users of a month, one event of a year, users of a year [default: 76,453, as published]
    #[arg(long, value_name = "N", value_parser = parse_number)]
    pub(super) queries: Option<f64>,

    /// Number of queries with different texts
    #[arg(long, value_name = "N", default_value = "3", value_parser = parse_number)]
    pub(super) different_queries: f64,

    /// Minutes for which Athena may return a stored result; 0 runs every query
    #[arg(long, value_name = "MINUTES", default_value = "60", value_parser = parse_number)]
    pub(super) reuse_minutes: f64,

    /// Email events per month; 0 leaves the pipeline out
    #[arg(long, value_name = "N", default_value = "0", value_parser = parse_number)]
    pub(super) email_events: f64,

    /// Searches for email events per month
    #[arg(long, value_name = "N", default_value = "10k", value_parser = parse_number)]
    pub(super) searches: f64,

    /// The Postgres of email events
    #[arg(long, value_enum, default_value = "small")]
    pub(super) database: DatabaseArg,

    /// Forwarded app events per month; 0 leaves the pipeline out
    #[arg(long, value_name = "N", default_value = "0", value_parser = parse_number)]
    pub(super) app_events: f64,

    /// Months to keep events
    #[arg(long, value_name = "MONTHS", default_value = "12", value_parser = parse_number)]
    pub(super) retention_months: f64,

    /// Do not subtract free tiers, because other resources of the account use them up
    #[arg(long)]
    pub(super) no_free_tier: bool,

    /// Print all meters and lines as JSON
    #[arg(long, conflicts_with = "markdown")]
    pub(super) json: bool,

    /// Print docs/cost.md, which has its own inputs
    #[arg(long)]
    pub(super) markdown: bool,
}

/// [`Endpoint`] on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum EndpointArg {
    /// The function's own URL
    FunctionUrl,
    /// The HTTP API
    HttpApi,
    /// A REST API
    RestApi,
}

/// [`Shape`] on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum ShapeArg {
    /// The events of the published generator
    Article,
    /// A click stream with millions of ids
    Click,
}

/// From which tables a year is read.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum LookBack {
    /// The file of each day
    Days,
    /// The monthly copies that `CloseMonths` makes, and the days since
    Months,
}

/// [`Database`] on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum DatabaseArg {
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

impl Options {
    pub(super) fn scenario(&self) -> Scenario {
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
                ShapeArg::Article => Shape::Article,
                ShapeArg::Click => Shape::Click,
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
                DatabaseArg::Micro => Database::Micro,
                DatabaseArg::Small => Database::Small,
                DatabaseArg::Medium => Database::Medium,
                DatabaseArg::Large => Database::Large,
                DatabaseArg::Own => Database::Own,
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

fn parse_at_least_one(text: &str) -> Result<f64, String> {
    parse_number(text).and_then(|number| {
        if number >= 1.0 {
            Ok(number)
        } else {
            Err("expected 1 or more".to_owned())
        }
    })
}
