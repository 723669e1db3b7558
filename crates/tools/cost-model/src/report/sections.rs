//! The sections of the report.

use super::{BATCHES, dollars, scans, table};
use crate::{
    AppEvents, Bill, Database, EmailEvents, Endpoint, Meter, ProductEvents, Scenario, Shape,
    article, prices,
};

pub(super) fn head() -> String {
    format!(
        "# What it costs\n\n\
         US dollars a month in {}, at list prices as of {}, after free tiers and before tax. `cistern cost` computes the same for your own\n\
         numbers (`cistern cost --help`); `make cost` writes this page, and a test keeps it true. The usage of each part is measured\n\
         or counted, see `crates/tools/cost-model/src/usage/`; nothing here comes from a bill of AWS.\n",
        prices::REGION,
        prices::REVISED,
    )
}

pub(super) fn where_it_goes() -> String {
    let rows: Vec<Vec<String>> = BATCHES[..2]
        .iter()
        .flat_map(|batch| {
            let bill = Bill::of(&article::scenario(*batch));
            let total = bill.total_usd();
            let items = bill.by_item().into_iter();
            items.map(move |(item, usd)| {
                vec![
                    format!("{batch:.0}"),
                    item.title().to_owned(),
                    dollars(usd),
                    format!("{:.0} %", usd / total * 100.0),
                ]
            })
        })
        .collect();
    format!(
        "## Where the money goes\n\n{}\n\
         With single events the invocations of `track` and Firehose's rounding of each record to 5 KB are nearly all of the cost; both fall\n\
         in proportion when clients send several events per request.\n",
        table(&["events per request", "what", "dollars", "share"], &rows)
    )
}

pub(super) fn other_choices() -> String {
    let with = |batch: f64, change: &dyn Fn(&mut ProductEvents)| {
        let mut scenario = article::scenario(batch);
        if let Some(product) = &mut scenario.product_events {
            change(product);
        }
        dollars(Bill::of(&scenario).total_usd())
    };
    let row = |title: &str, change: &dyn Fn(&mut ProductEvents)| {
        let mut cells = vec![title.to_owned()];
        cells.extend(BATCHES.map(|batch| with(batch, change)));
        cells
    };
    let rows = [
        row("Function URL", &|_| {}),
        row("HTTP API", &|product| {
            product.endpoint = Endpoint::HttpApi;
        }),
        row("Function URL, no stored results", &|product| {
            product.queries.reuse_minutes = 0.0;
        }),
        row(
            "Function URL, no stored results, monthly copies",
            &|product| {
                product.queries.reuse_minutes = 0.0;
                product.close_months = true;
            },
        ),
        row("Function URL, click stream of 412 bytes", &|product| {
            product.shape = Shape::Click;
            product.bytes_per_event = 412.0;
        }),
        row(
            "Function URL, click stream, no stored results",
            &|product| {
                product.shape = Shape::Click;
                product.bytes_per_event = 412.0;
                product.queries.reuse_minutes = 0.0;
            },
        ),
        row("Function URL, two billion events", &|product| {
            product.events = 2e9;
        }),
    ];
    format!(
        "## Other choices, the same month\n\n{}\n\
         A click stream has millions of ids that nothing compresses below a few bytes each: counting its users reads {}.\n\n\
         Monthly copies (`CloseMonths`) pay off when queries over a year are frequent and stored results are seldom reused: twelve\n\
         prefixes are listed for a year instead of 365, and the lake is stored twice.\n",
        table(
            &["total", "1 event per request", "10", "100"],
            rows.as_slice()
        ),
        scans(Shape::Click)
    )
}

pub(super) fn switches() -> String {
    let nothing = Scenario {
        product_events: None,
        ..article::scenario(10.0)
    };
    let email = |database| {
        Some(EmailEvents {
            database,
            ..EmailEvents::default()
        })
    };
    let cases = [
        ("no pipeline", nothing.clone()),
        (
            "`EnableEmailEvents`, db.t4g.small",
            Scenario {
                email_events: email(Database::Small),
                ..nothing.clone()
            },
        ),
        (
            "`EnableEmailEvents`, db.t4g.micro",
            Scenario {
                email_events: email(Database::Micro),
                ..nothing.clone()
            },
        ),
        (
            "`EnableEmailEvents`, your own Postgres",
            Scenario {
                email_events: email(Database::Own),
                ..nothing.clone()
            },
        ),
        (
            "`EnableForwarder`",
            Scenario {
                app_events: Some(AppEvents::default()),
                ..nothing
            },
        ),
        ("`EnableAnalytics`", article::scenario(10.0)),
        (
            "all three, db.t4g.small, which is the default",
            Scenario {
                email_events: email(Database::Small),
                app_events: Some(AppEvents::default()),
                ..article::scenario(10.0)
            },
        ),
    ];
    let rows: Vec<Vec<String>> = cases
        .iter()
        .map(|(title, scenario)| {
            let idle = Bill::of(&scenario.idle());
            let running = Bill::of(scenario);
            let dearest = running
                .by_item()
                .first()
                .map_or_else(String::new, |(item, usd)| {
                    format!("{} ({})", item.title(), dollars(*usd))
                });
            vec![
                (*title).to_owned(),
                dollars(idle.total_usd()),
                dollars(running.total_usd()),
                dearest,
            ]
        })
        .collect();
    format!(
        "## The whole stack, by switch\n\n\
         Idle is a month in which nothing arrives. Running is a million email events, a million app events and the published month of\n\
         product events with ten per request, kept for a year.\n\n{}\n\
         None of them includes a NAT gateway or interface endpoints, which alone would cost 33 dollars and more.\n",
        table(&["", "idle", "running", "largest item"], &rows)
    )
}

pub(super) fn prices() -> String {
    let rows: Vec<Vec<String>> = Meter::ALL
        .into_iter()
        .map(|meter| {
            let price = meter.price();
            let usd: Vec<String> = price.tiers.iter().map(|tier| plain(tier.usd)).collect();
            let free = if price.free_units > 0.0 {
                format!("{}", price.free_units)
            } else {
                String::new()
            };
            vec![
                format!("[{}]({})", price.unit, price.page),
                usd.join(", then "),
                free,
                price.seen.unwrap_or("not again").to_owned(),
            ]
        })
        .collect();
    format!(
        "## Prices\n\n{}\n\
         Not included: data from S3 or Postgres to you beyond 100 GB, Postgres backups larger than the database, CPU credits of a t4g that is\n\
         busy all day, a KMS key of your own (1 dollar, and 3 cents per 10,000 uses, by queues, Firehose, secrets and cold starts),\n\
         a database that was removed from the stack and kept, QuickSight, support plans; and what a company's account adds: AWS Config,\n\
         GuardDuty, CloudTrail's data events of the bucket.\n",
        table(&["unit", "dollars", "free units", "last seen"], &rows)
    )
}

/// All significant digits, and no more.
fn plain(usd: f64) -> String {
    let text = format!("{usd:.10}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
