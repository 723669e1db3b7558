//! Product events: track, Firehose, archiver, compactor, Athena.

use super::{GIB, Item, POLLS_A_MONTH, StackPart, Use, archive};
use crate::{Endpoint, Meter, ProductEvents, Shape};

/// `track` responds when Firehose has the events, and Lambda bills the waiting time.
const TRACK_SECONDS: f64 = 0.012;
/// It has 128 MB, and neither logs nor traces its requests: a line for each would cost more than the requests.
const TRACK_MEMORY_GB: f64 = 0.125;
/// The metrics that the archiver writes.
const METRICS: f64 = 6.0;
/// `receivedAt` and `eventId`, which `track` adds to an event without them.
const ADDED_BYTES: f64 = 90.0;
/// Firehose rounds each record up to a multiple of this.
const RECORD_STEP: f64 = 5.0 * 1024.0;
/// Firehose delivers at least every 15 minutes if its buffer does not fill.
const DELIVERIES_A_MONTH: f64 = 4.0 * crate::prices::HOURS_A_MONTH;
/// It delivers earlier when its buffer has this size, before compression.
const DELIVERY_BYTES: f64 = 128.0 * 1024.0 * 1024.0;
/// Raw JSON that the archiver converts per second of a full CPU, which comes with 1,769 MB of memory
/// (`make bench`, the click shape, which is the slower one).
const CONVERTED_BYTES_A_SECOND: f64 = 300e6;
const ONE_PROCESSOR_GB: f64 = 1_769.0 / 1_024.0;
/// Memory of the archiver, which determines its share of a CPU, and of the compactor.
const ARCHIVER_GB: f64 = 0.5;
const COMPACTOR_GB: f64 = 2.0;
/// Starting, listing and writing for one delivery, in addition to converting it.
const ARCHIVE_SECONDS: f64 = 0.5;
/// The compactor runs once an hour, and merges a day of 7 million rows in half a minute.
const COMPACTIONS_A_MONTH: f64 = crate::prices::HOURS_A_MONTH;
const COMPACT_SECONDS: f64 = 1.0;
const MERGED_ROWS_A_SECOND: f64 = 7e6 / 30.0;
/// Athena bills at least this much for a query
/// (<https://aws.amazon.com/athena/pricing/>).
const LEAST_SCANNED_BYTES: f64 = 10e6;
/// The footer of a file, the pages of its column, and one more.
const READS_A_FILE: f64 = 3.0;
/// Days of the queries over a year, and over a month; a compacted day is one file in one partition.
pub const FULL_YEAR_DAYS: f64 = 365.0;
const MONTH_DAYS: f64 = 31.0;
/// Days since the end of the last copied month: half a month on average, and three days until a month is copied.
const DAYS_SINCE_MONTH: f64 = 18.0;
/// Prefixes of parts: 32 event days, each with the arrivals of today and yesterday.
const LISTS_OF_PARTS: f64 = 64.0;
/// Prefixes of the manifest's versions, one per day on which they were written.
const LISTS_OF_STATE: f64 = 3.0;
/// Days of parts that queries list: yesterday's, and today's so far. A delivery is a part.
const OPEN_DAYS: f64 = 1.5;

/// The size of an event of a shape, in bytes, measured by `make bench` over compacted days.
struct Footprint {
    /// In the raw archive, gzip, with the id that `track` adds.
    raw: f64,
    /// In the lake, whole.
    lake: f64,
    /// Of that, the user's id.
    user_id: f64,
    /// Of that, the event's name.
    event: f64,
}

impl Shape {
    const fn footprint(self) -> Footprint {
        match self {
            // Without ids an event would take 8.3 and 0.85 bytes; an id is 16 bytes that do not compress.
            Self::Article => Footprint {
                raw: 30.0,
                lake: 19.0,
                user_id: 0.005,
                event: 0.004,
            },
            Self::Click => Footprint {
                raw: 66.3,
                lake: 37.5,
                user_id: 3.5,
                event: 0.001,
            },
        }
    }
}

/// The bytes that the three queries of the load read, each run once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScannedBytes {
    /// Users of a month.
    pub users_of_month: f64,
    /// One event of a year.
    pub event_of_year: f64,
    /// Users of a year.
    pub users_of_year: f64,
}

/// Dollars that Athena bills for scanning these bytes in one query.
pub fn query_usd(scanned_bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "dollars are not that exact")]
    let bytes = scanned_bytes as f64;
    let tb = bytes.max(LEAST_SCANNED_BYTES) / 1e12;
    Meter::AthenaScannedTb.price().usd(tb, false)
}

/// What the queries read for a number of events per month.
pub fn scanned_bytes(events: f64, shape: Shape) -> ScannedBytes {
    let footprint = shape.footprint();
    let at_least = |bytes: f64| bytes.max(LEAST_SCANNED_BYTES);
    ScannedBytes {
        users_of_month: at_least(events * footprint.user_id),
        event_of_year: at_least(events * 12.0 * footprint.event),
        users_of_year: at_least(events * 12.0 * footprint.user_id),
    }
}

pub(super) fn uses(product: &ProductEvents, retention_months: f64) -> Vec<Use> {
    let mut uses = ingest(product);
    uses.extend(lake(product, retention_months));
    uses.extend(queries(product));
    uses
}

fn ingest(product: &ProductEvents) -> Vec<Use> {
    let part = StackPart::ProductEvents;
    let requests = product.requests();
    let mut uses = part.runs(requests, TRACK_SECONDS, TRACK_MEMORY_GB).to_vec();
    let requests_meter = match product.endpoint {
        Endpoint::FunctionUrl => None,
        Endpoint::HttpApi => Some(Meter::HttpApiRequests),
        Endpoint::RestApi => Some(Meter::RestApiRequests),
    };
    uses.extend(requests_meter.map(|meter| part.uses(Item::Gateway, meter, requests)));
    if requests > 0.0 {
        uses.push(part.uses(Item::Watching, Meter::CustomMetrics, METRICS));
        let bytes = product.events / requests * (product.bytes_per_event + ADDED_BYTES);
        let billed = (bytes / RECORD_STEP).ceil() * RECORD_STEP * requests;
        uses.push(part.uses(Item::Delivery, Meter::FirehoseGb, billed / GIB));
    }
    uses
}

pub(super) fn deliveries(product: &ProductEvents) -> f64 {
    if product.events <= 0.0 {
        return 0.0;
    }
    let bytes = product.events * (product.bytes_per_event + ADDED_BYTES);
    DELIVERIES_A_MONTH.max(bytes / DELIVERY_BYTES)
}

/// Converting the events of a month, in GB-seconds of a function: a CPU comes with its memory.
pub(super) fn convert_gb_seconds(product: &ProductEvents) -> f64 {
    let raw_bytes = product.events * (product.bytes_per_event + ADDED_BYTES);
    raw_bytes / CONVERTED_BYTES_A_SECOND * ONE_PROCESSOR_GB
}

fn lake(product: &ProductEvents, retention_months: f64) -> Vec<Use> {
    let part = StackPart::ProductEvents;
    let footprint = product.shape.footprint();
    let deliveries = deliveries(product);
    let archive_seconds = ARCHIVE_SECONDS
        + if deliveries > 0.0 {
            convert_gb_seconds(product) / deliveries / ARCHIVER_GB
        } else {
            0.0
        };
    let merge_seconds = product.events / MERGED_ROWS_A_SECOND;
    let compact_seconds = COMPACT_SECONDS + merge_seconds / COMPACTIONS_A_MONTH;
    let copies = if product.close_months { 2.0 } else { 1.0 };
    let stored = product.events * retention_months * (footprint.raw + copies * footprint.lake);
    // A delivery is written once raw and once as a part, read once, and each part is read once more when its day is compacted.
    // A table's months are listed and their state is read like those of its days.
    let looks = COMPACTIONS_A_MONTH * 4.0 * copies;
    let writes = deliveries * 2.0 + looks;
    let reads = deliveries * 3.0 + looks;
    let mut uses = vec![
        part.uses(Item::Storage, Meter::S3StoredGb, stored / GIB),
        part.uses(Item::Storage, Meter::S3WriteRequests, writes),
        part.uses(Item::Storage, Meter::S3ReadRequests, reads),
        // Deliveries are large enough to move into Intelligent-Tiering, which counts the objects that it watches.
        part.uses(Item::Storage, Meter::TransitionRequests, deliveries),
        part.uses(
            Item::Storage,
            Meter::TieredObjects,
            deliveries * retention_months,
        ),
        part.uses(
            Item::Queues,
            Meter::EventBridgeEvents,
            archive::events_of_product(deliveries, product.queries.executions()),
        ),
        part.uses(
            Item::Queues,
            Meter::SqsRequests,
            deliveries * 3.0 + POLLS_A_MONTH,
        ),
    ];
    uses.extend(part.runs(deliveries, archive_seconds, ARCHIVER_GB));
    uses.extend(part.runs(COMPACTIONS_A_MONTH, compact_seconds, COMPACTOR_GB));
    uses
}

fn queries(product: &ProductEvents) -> Vec<Use> {
    let part = StackPart::ProductEvents;
    let executions = product.queries.executions();
    let scanned = scanned_bytes(product.events, product.shape);
    let mean_bytes = (scanned.users_of_month + scanned.event_of_year + scanned.users_of_year) / 3.0;
    let (lists, reads) = requests(product);
    vec![
        part.uses(
            Item::Scans,
            Meter::AthenaScannedTb,
            executions * mean_bytes / 1e12,
        ),
        part.uses(Item::QueryRequests, Meter::S3WriteRequests, lists),
        part.uses(Item::QueryRequests, Meter::S3ReadRequests, reads),
    ]
}

/// Athena lists each partition once and opens each file; both are billed to the bucket. The view reads its small table
/// of hidden files as well.
fn requests(product: &ProductEvents) -> (f64, f64) {
    let executions = product.queries.executions();
    let open_files = deliveries(product) / crate::prices::HOURS_A_MONTH * 24.0 * OPEN_DAYS;
    let (mean_days, mean_months) = if product.close_months {
        let closed_months = (FULL_YEAR_DAYS - DAYS_SINCE_MONTH) / MONTH_DAYS;
        (
            DAYS_SINCE_MONTH * 2.0 / 3.0,
            (1.0 + closed_months * 2.0) / 3.0,
        )
    } else {
        ((MONTH_DAYS + FULL_YEAR_DAYS * 2.0) / 3.0, 0.0)
    };
    let views = if product.close_months { 2.0 } else { 1.0 };
    let lists = executions * (mean_days + LISTS_OF_PARTS + mean_months + LISTS_OF_STATE * views);
    // A month's file has the pages of a column in one place per day.
    let reads_a_month = READS_A_FILE - 1.0 + MONTH_DAYS;
    let reads = executions
        * (READS_A_FILE * (mean_days + open_files + views) + reads_a_month * mean_months);
    (lists, reads)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::of;
    use crate::{Scenario, article, prices};

    fn quantity(scenario: &Scenario, meter: Meter) -> f64 {
        let uses = of(scenario);
        uses.iter()
            .filter(|each| each.meter == meter)
            .map(|each| each.quantity)
            .sum()
    }

    #[test]
    fn firehose_bills_whole_steps_of_each_record() {
        let gb = |batch| quantity(&article::scenario(batch), Meter::FirehoseGb);

        // 290 bytes in a step of 5,120; ten events are still one step, a hundred are six.
        assert!((gb(1.0) - 200e6 * 5_120.0 / GIB).abs() < 1e-6);
        assert!((gb(10.0) - 20e6 * 5_120.0 / GIB).abs() < 1e-6);
        assert!((gb(100.0) - 2e6 * 6.0 * 5_120.0 / GIB).abs() < 1e-6);
    }

    #[test]
    fn queries_scan_a_thousandth_of_the_published_bytes() {
        let ours = scanned_bytes(200e6, Shape::Article);

        // 1.48, 1.14 and 17 GB there.
        assert!(1.48e9 / ours.users_of_month > 100.0);
        assert!(1.14e9 / ours.event_of_year > 100.0);
        assert!(17e9 / ours.users_of_year > 1_000.0);
    }

    #[test]
    fn closed_months_spare_most_of_the_listing() {
        let mut scenario = article::scenario(1.0);
        let by_day = quantity(&scenario, Meter::S3WriteRequests);
        let stored_by_day = quantity(&scenario, Meter::S3StoredGb);
        if let Some(product) = &mut scenario.product_events {
            product.close_months = true;
        }

        assert!(quantity(&scenario, Meter::S3WriteRequests) < by_day / 3.0);
        assert!(quantity(&scenario, Meter::S3StoredGb) > stored_by_day);
    }

    #[test]
    fn nothing_is_delivered_in_an_idle_month() {
        let idle = article::scenario(1.0).idle();

        for meter in [Meter::FirehoseGb, Meter::S3StoredGb, Meter::AthenaScannedTb] {
            assert!(quantity(&idle, meter).abs() < f64::EPSILON, "{meter:?}");
        }
        assert!(quantity(&idle, Meter::LambdaRequests) >= prices::HOURS_A_MONTH);
    }
}
