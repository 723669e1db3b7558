//! App events: gateway, queue, forwarder, destination.

use super::{GIB, Item, MEMORY_GB, StackPart, Use};
use crate::{AppEvents, Meter, prices::HOURS_A_MONTH};

/// The forwarder runs once an hour.
const RUNS_A_MONTH: f64 = HOURS_A_MONTH;
/// The end of a run, when the queue is empty: two long polls.
const EMPTY_RUN_SECONDS: f64 = 5.0;
/// Archiving and forwarding a message, including the destination's response; messages of a chunk share it.
const MESSAGE_SECONDS: f64 = 0.02;
/// SQS counts a call per 64 KB, and messages are received ten at a time.
const CALL_BYTES: f64 = 64.0 * 1024.0;
const RECEIVED_AT_ONCE: f64 = 10.0;
/// The forwarded share of an event's bytes.
const SENT_SHARE: f64 = 0.6;
const ARCHIVED_SHARE: f64 = 0.15;
const OBJECTS_A_RUN: f64 = 20.0;
const LOG_BYTES_A_RUN: f64 = 3_000.0;
/// The metrics that the pipeline writes.
const METRICS: f64 = 9.0;

pub(super) fn uses(app: &AppEvents, retention_months: f64) -> Vec<Use> {
    let part = StackPart::AppEvents;
    let batches = app.batches();
    let batch_bytes = app.events_per_batch * app.bytes_per_event;
    let calls = (batch_bytes / CALL_BYTES).ceil().max(1.0);
    let bytes = app.events * app.bytes_per_event;
    let objects = objects(app);
    let seconds = EMPTY_RUN_SECONDS + batches / RUNS_A_MONTH * MESSAGE_SECONDS;
    let metrics = if app.events > 0.0 { METRICS } else { 0.0 };
    let mut uses = vec![
        part.uses(Item::Gateway, Meter::RestApiRequests, batches),
        part.uses(
            Item::Queues,
            Meter::SqsRequests,
            batches * calls * (1.0 + 2.0 / RECEIVED_AT_ONCE) + RUNS_A_MONTH * 2.0,
        ),
        part.uses(Item::Storage, Meter::S3WriteRequests, objects),
        part.uses(
            Item::Storage,
            Meter::S3StoredGb,
            bytes * ARCHIVED_SHARE * retention_months / GIB,
        ),
        part.uses(Item::Egress, Meter::EgressGb, bytes * SENT_SHARE / GIB),
        part.uses(Item::Watching, Meter::CustomMetrics, metrics),
        part.uses(
            Item::Watching,
            Meter::LogGb,
            RUNS_A_MONTH * LOG_BYTES_A_RUN / GIB,
        ),
        part.uses(Item::Watching, Meter::Traces, RUNS_A_MONTH),
        // The destination's key.
        part.uses(Item::Keys, Meter::Secrets, 1.0),
    ];
    uses.extend(part.runs(RUNS_A_MONTH, seconds, MEMORY_GB));
    uses
}

/// Raw objects per month: a run writes what it received as a few objects.
pub(super) fn objects(app: &AppEvents) -> f64 {
    app.batches().min(RUNS_A_MONTH * OBJECTS_A_RUN)
}
