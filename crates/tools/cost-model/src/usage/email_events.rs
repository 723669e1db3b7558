//! Email events: ingest, loader, Postgres, query.

use super::{GIB, Item, MEMORY_GB, POLLS_A_MONTH, StackPart, Use};
use crate::{Database, EmailEvents, Meter, prices::HOURS_A_MONTH};

/// `ingest` responds when S3 has the batch.
const INGEST_SECONDS: f64 = 0.04;
/// `loader`: per batch and per event, with the CPU share of 256 MB.
const LOAD_BATCH_SECONDS: f64 = 0.1;
const LOAD_EVENT_SECONDS: f64 = 0.000_4;
/// `query`: a page.
const SEARCH_SECONDS: f64 = 0.15;
/// An event in SparkPost's batch, and in the archive as gzip.
const RAW_BYTES: f64 = 1_400.0;
const ARCHIVED_BYTES: f64 = 180.0;
/// A row with its indexes, plus a quarter of free space.
const ROW_BYTES: f64 = 2_280.0 * 1.25;
/// The smallest gp3 volume of RDS.
const LEAST_DATABASE_GB: f64 = 20.0;
/// The functions' log lines of one request or batch, including the gateway's.
const LOG_BYTES: f64 = 1_500.0;
/// The metrics that the pipeline writes, with the failed sign-ins of its console.
const METRICS: f64 = 13.0;
/// The migrator, every night.
const NIGHTS: f64 = 30.4;

pub(super) fn uses(email: &EmailEvents, retention_months: f64) -> Vec<Use> {
    let part = StackPart::EmailEvents;
    let batches = email.batches();
    let requests = batches + email.searches;
    let load_seconds = LOAD_BATCH_SECONDS + email.events_per_batch * LOAD_EVENT_SECONDS;
    let metrics = if email.events > 0.0 { METRICS } else { 0.0 };
    let archived = email.events * ARCHIVED_BYTES * retention_months;
    let mut uses = vec![
        part.uses(Item::Gateway, Meter::HttpApiRequests, requests),
        part.uses(Item::Storage, Meter::S3WriteRequests, batches),
        part.uses(Item::Storage, Meter::S3ReadRequests, batches),
        part.uses(Item::Storage, Meter::S3StoredGb, archived / GIB),
        // S3 sends, Lambda receives and deletes.
        part.uses(
            Item::Queues,
            Meter::SqsRequests,
            batches * 3.0 + POLLS_A_MONTH,
        ),
        part.uses(Item::Watching, Meter::LogGb, requests * LOG_BYTES / GIB),
        part.uses(Item::Watching, Meter::CustomMetrics, metrics),
        part.uses(
            Item::Watching,
            Meter::Traces,
            requests.min(HOURS_A_MONTH * 3_600.0),
        ),
        part.uses(
            Item::Egress,
            Meter::EgressGb,
            email.searches * 25.0 * RAW_BYTES / GIB,
        ),
    ];
    uses.extend(part.runs(batches, INGEST_SECONDS, MEMORY_GB));
    uses.extend(part.runs(batches, load_seconds, MEMORY_GB));
    uses.extend(part.runs(email.searches, SEARCH_SECONDS, MEMORY_GB));
    uses.extend(part.runs(NIGHTS, 5.0, MEMORY_GB));
    uses.extend(database(email, retention_months));
    uses
}

fn database(email: &EmailEvents, retention_months: f64) -> Vec<Use> {
    let part = StackPart::EmailEvents;
    let hours = match email.database {
        Database::Micro => Meter::RdsMicroHours,
        Database::Small => Meter::RdsSmallHours,
        Database::Medium => Meter::RdsMediumHours,
        Database::Large => Meter::RdsLargeHours,
        Database::Own => return Vec::new(),
    };
    let rows_gb = email.events * retention_months * ROW_BYTES / GIB;
    vec![
        part.uses(Item::Database, hours, HOURS_A_MONTH),
        // Backups of up to this size cost nothing.
        part.uses(
            Item::Database,
            Meter::RdsStoredGb,
            rows_gb.max(LEAST_DATABASE_GB),
        ),
        // The master password, which RDS makes and keeps.
        part.uses(Item::Keys, Meter::Secrets, 1.0),
    ]
}
