//! The published design that this one is compared with: "Hundreds of millions of events per month on the cheap", by Mark
//! Steele. REST API, Node function, Firehose, Glue, Athena; 200 million events of 200 bytes a month.

use crate::{
    Bill, Endpoint, Item, Meter, ProductEvents, QueryLoad, Scenario, Shape, StackPart, Use,
    usage::GIB,
};

/// Where it is.
pub const URL: &str =
    "https://control-alt-del.org/posts/building-a-serverless-analytics-platform-at-lolscale";
/// Events a month.
pub const EVENTS: f64 = 200e6;
/// Bytes of one event as its sender writes it.
pub const BYTES_PER_EVENT: f64 = 200.0;

/// Its own table, in dollars a month.
pub const TABLE: [(Item, f64); 6] = [
    (Item::Gateway, 705.00),
    (Item::Functions, 75.00),
    (Item::Delivery, 27.57),
    (Item::Transform, 44.00),
    (Item::Storage, 10.00),
    (Item::Scans, 2_500.00),
];

/// Bytes scanned by its three queries: users of a month, one event of a year, users of a year.
pub const SCANNED_BYTES: [f64; 3] = [1.48e9, 1.14e9, 17e9];
/// Bytes that its queries scan in a month.
pub const SCANNED_BYTES_A_MONTH: f64 = 500e12;
/// The number of queries that this makes, a third of each kind.
pub const QUERIES: f64 =
    SCANNED_BYTES_A_MONTH / ((SCANNED_BYTES[0] + SCANNED_BYTES[1] + SCANNED_BYTES[2]) / 3.0);

/// Node with 128 MB on x86, waiting for Firehose.
const FUNCTION_SECONDS: f64 = 0.1;
const FUNCTION_GB: f64 = 0.125;
/// One event per record, and Firehose rounds each up.
const RECORD_BYTES: f64 = 5.0 * 1024.0;
/// Two crawlers, once an hour, each billed for at least ten minutes of one DPU.
const CRAWLER_DPU_HOURS: f64 = 2.0 * crate::prices::HOURS_A_MONTH / 6.0;

/// The published month on this stack: product events, with so many of them in one request, and nothing else.
pub fn scenario(events_per_request: f64) -> Scenario {
    Scenario {
        product_events: Some(ProductEvents {
            events: EVENTS,
            events_per_request,
            bytes_per_event: BYTES_PER_EVENT,
            endpoint: Endpoint::FunctionUrl,
            shape: Shape::Article,
            close_months: false,
            queries: query_load(),
        }),
        email_events: None,
        app_events: None,
        retention_months: 12.0,
        free_tier: true,
    }
}

/// The published load: 500 TB a month, at the mean of what its three queries scan.
pub fn query_load() -> QueryLoad {
    QueryLoad {
        queries: QUERIES,
        different: 3.0,
        reuse_minutes: 60.0,
    }
}

/// Its total: 3,361.57.
pub fn total_usd() -> f64 {
    TABLE.iter().map(|(_, usd)| usd).sum()
}

/// The same design at today's list prices, from its own inputs.
pub fn recomputed() -> Bill {
    let requests = EVENTS;
    let part = StackPart::ProductEvents;
    let uses = [
        (Item::Gateway, Meter::RestApiRequests, requests),
        (Item::Functions, Meter::LambdaRequests, requests),
        (
            Item::Functions,
            Meter::LambdaX86GbSeconds,
            requests * FUNCTION_SECONDS * FUNCTION_GB,
        ),
        (
            Item::Delivery,
            Meter::FirehoseGb,
            requests * RECORD_BYTES / GIB,
        ),
        // Hours of a job, and gigabytes, computed from its dollars.
        (Item::Transform, Meter::GlueDpuHours, 44.0 / 0.44),
        (Item::Storage, Meter::S3StoredGb, 10.0 / 0.023),
        (
            Item::Scans,
            Meter::AthenaScannedTb,
            SCANNED_BYTES_A_MONTH / 1e12,
        ),
    ];
    bill(part, &uses)
}

/// What its table omits: the crawlers that find its hourly partitions, and the requests with which its queries list
/// those partitions and open the files in them, at least one each.
pub fn left_out() -> Bill {
    let queries = QUERIES;
    let mean_hours = 24.0 * (30.4 + 365.0 + 365.0) / 3.0;
    // A file every quarter of an hour; JSON is read completely.
    let mean_files = 4.0 * mean_hours;
    bill(
        StackPart::ProductEvents,
        &[
            (Item::Transform, Meter::GlueDpuHours, CRAWLER_DPU_HOURS),
            (
                Item::QueryRequests,
                Meter::S3WriteRequests,
                queries * mean_hours,
            ),
            (
                Item::QueryRequests,
                Meter::S3ReadRequests,
                queries * mean_files,
            ),
        ],
    )
}

fn bill(part: StackPart, uses: &[(Item, Meter, f64)]) -> Bill {
    let uses: Vec<Use> = uses
        .iter()
        .map(|&(item, meter, quantity)| Use {
            part,
            item,
            meter,
            quantity,
        })
        .collect();
    Bill::for_uses(&uses, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_total_comes_out() {
        assert!((total_usd() - 3_361.57).abs() < 1e-9);
    }

    #[test]
    fn recomputed_from_its_inputs_every_line_is_within_one_percent() {
        let bill = recomputed();

        for (item, published) in TABLE {
            let found = bill.item_usd(item);
            assert!(
                (found - published).abs() <= published / 100.0,
                "{item:?}: {found} instead of {published}"
            );
        }
        assert!((bill.total_usd() / total_usd() - 1.0).abs() < 0.005);
    }

    #[test]
    fn its_load_is_76_thousand_queries() {
        assert!((QUERIES - 76_453.0).abs() < 1.0);
    }
}
