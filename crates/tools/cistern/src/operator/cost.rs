//! `cistern cost`: what a month costs.

mod options;

use anyhow::Result;
use cost_model::{Bill, Item, article, prices, report};
use serde_json::json;

pub(crate) use self::options::Options;
use crate::output::{line, write_bytes};
use crate::table::{Align, lay_out};

pub(crate) fn run(options: &Options) -> Result<()> {
    let scenario = options.scenario();
    let bill = Bill::of(&scenario);
    let idle = Bill::of(&scenario.idle());
    if options.markdown {
        write_bytes(report::markdown().as_bytes())?;
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
        line!("{}", serde_json::to_string_pretty(&answer)?)?;
    } else {
        line!("{}", text(options, &bill, &idle))?;
    }
    Ok(())
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

#[cfg(test)]
mod tests;
