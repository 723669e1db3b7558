//! The section about the published month.

use super::{BATCHES, count, dollars, scans, table};
use crate::{Bill, Item, Shape, article, usage::FULL_YEAR_DAYS};

pub(super) fn published_month() -> String {
    let ours = BATCHES.map(|batch| Bill::of(&article::scenario(batch)));
    let recomputed = article::recomputed();
    let published = |item| {
        let line = article::TABLE.iter().find(|(other, _)| *other == item);
        line.map_or(0.0, |(_, usd)| *usd)
    };
    let row = |title: &str, usd: Vec<f64>| -> Vec<String> {
        let cells = usd.into_iter().map(|usd| {
            if usd < 0.005 {
                "–".to_owned()
            } else {
                dollars(usd)
            }
        });
        std::iter::once(title.to_owned()).chain(cells).collect()
    };
    let mut rows: Vec<Vec<String>> = Item::ALL
        .into_iter()
        .map(|item| {
            let mut usd = vec![published(item), recomputed.item_usd(item)];
            usd.extend(ours.iter().map(|bill| bill.item_usd(item)));
            (item, usd)
        })
        .filter(|(_, usd)| usd.iter().any(|usd| *usd >= 0.005))
        .map(|(item, usd)| row(item.title(), usd))
        .collect();
    let mut totals = vec![article::total_usd(), recomputed.total_usd()];
    totals.extend(ours.iter().map(Bill::total_usd));
    let ratios = totals
        .iter()
        .map(|usd| format!("{:.0} ×", article::total_usd() / usd));
    let ratios = std::iter::once("the published total is".to_owned())
        .chain(ratios)
        .collect();
    rows.push(row("**total**", totals));
    rows.push(ratios);
    let table = table(
        &[
            "",
            "published",
            "the same design today",
            "Cistern, 1 event per request",
            "10",
            "100",
        ],
        &rows,
    );
    let left_out = article::left_out();
    format!(
        "## The published month\n\n\
         The design that product events follow is Mark Steele's [Hundreds of millions of events per month on the cheap]({}).\n\
         It has a price for 200 million events of 200 bytes a month and 500 TB of queries. Its table, the same design at today's prices from its own\n\
         inputs, and Cistern on a Function URL under the same load:\n\n\
         {table}\n\
         The load is {} queries: a third each count the users of a month, one event of a year and the users of a year. There they scan\n\
         1.48, 1.14 and 17 GB; here {}. For a query that ran within the last hour, Athena returns the stored\n\
         result (`cistern query` requests that, and so must other clients), so {} of them run.\n\
         If each ran, opening {} daily files per query would cost {} more, and scans {}.\n\n\
         The published table leaves out two crawlers that run every hour ({}) and the S3 requests with which Athena lists its hourly\n\
         partitions and opens the files in them ({}).\n",
        article::URL,
        count(article::QUERIES),
        scans(Shape::Article),
        count(article::query_load().executions()),
        count(FULL_YEAR_DAYS),
        dollars(every_query_runs(Item::QueryRequests)),
        dollars(every_query_runs(Item::Scans)),
        dollars(left_out.item_usd(Item::Transform)),
        dollars(left_out.item_usd(Item::QueryRequests)),
    )
}

/// The additional cost if no stored result is used.
fn every_query_runs(item: Item) -> f64 {
    let cached = article::scenario(1.0);
    let mut each = cached.clone();
    if let Some(product) = &mut each.product_events {
        product.queries.reuse_minutes = 0.0;
    }
    Bill::of(&each).item_usd(item) - Bill::of(&cached).item_usd(item)
}
