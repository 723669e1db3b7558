//! The archive of email and app events as Parquet, which the template makes when product events are on too: per raw
//! object a run of the archiver, its files and its notifications.

use super::{GIB, Item, StackPart, Use};
use crate::Meter;

/// Memory of the archiver, which determines its share of a CPU, and how long it takes for one object of a few hundred kilobytes.
const ARCHIVER_GB: f64 = 0.5;
const OBJECT_SECONDS: f64 = 0.2;
/// An object's events mostly belong to one day, around midnight to two; each day is one file.
const FILES_AN_OBJECT: f64 = 1.5;
/// The raw object, and the state of the day of each file.
const READS_AN_OBJECT: f64 = 1.0 + FILES_AN_OBJECT;
/// A file is read once more when its day is compacted, and then deleted.
const READS_TO_CLOSE: f64 = FILES_AN_OBJECT;
/// `EventBridge` gets every event of the bucket: a new object, its files, and their deletion.
const EVENTS_AN_OBJECT: f64 = 1.0 + FILES_AN_OBJECT * 2.0;
/// The notification that comes by way of `EventBridge` is sent, received and deleted.
const CALLS_AN_OBJECT: f64 = 3.0;
/// Bytes of a whole event in the lake. About as many as its raw form in gzip.
const LAKE_BYTES: f64 = 180.0;

/// The data archived in a month.
#[derive(Clone, Copy, Debug)]
pub(super) struct Archived {
    pub(super) part: StackPart,
    pub(super) objects: f64,
    pub(super) events: f64,
    /// Whether monthly copies are stored too.
    pub(super) close_months: bool,
}

pub(super) fn uses(archived: Archived, retention_months: f64) -> Vec<Use> {
    let Archived {
        part,
        objects,
        events,
        close_months,
    } = archived;
    let copies = if close_months { 2.0 } else { 1.0 };
    let stored = events * LAKE_BYTES * copies * retention_months;
    let mut uses = vec![
        part.uses(
            Item::Archive,
            Meter::S3WriteRequests,
            objects * FILES_AN_OBJECT,
        ),
        part.uses(
            Item::Archive,
            Meter::S3ReadRequests,
            objects * (READS_AN_OBJECT + READS_TO_CLOSE),
        ),
        part.uses(Item::Archive, Meter::S3StoredGb, stored / GIB),
        part.uses(Item::Archive, Meter::SqsRequests, objects * CALLS_AN_OBJECT),
        part.uses(
            Item::Archive,
            Meter::EventBridgeEvents,
            objects * EVENTS_AN_OBJECT,
        ),
        part.uses(Item::Archive, Meter::LambdaRequests, objects),
        part.uses(
            Item::Archive,
            Meter::LambdaGbSeconds,
            objects * OBJECT_SECONDS * ARCHIVER_GB,
        ),
    ];
    uses.retain(|each| each.quantity > 0.0);
    uses
}

/// `EventBridge` also gets the bucket's events of product events and their queries: deliveries with their parts and
/// the deletion of these, and two objects for each query that runs.
pub(super) fn events_of_product(deliveries: f64, queries: f64) -> f64 {
    deliveries * 3.0 + queries * 2.0
}
