//! The eraser while nobody is erased: its schedule looks for erasures that are not finished, and for late objects.

use super::{Item, StackPart, Use};
use crate::{Meter, prices::HOURS_A_MONTH};

/// The schedule of `template.yaml`: every 15 minutes.
const RUNS_A_MONTH: f64 = 4.0 * HOURS_A_MONTH;
const LISTS_A_RUN: f64 = 2.0;
const RUN_SECONDS: f64 = 0.1;
const MEMORY_GB: f64 = 2.0;

pub(super) fn uses() -> Vec<Use> {
    let part = StackPart::Base;
    let lists = RUNS_A_MONTH * LISTS_A_RUN;
    let mut uses = vec![part.uses(Item::Storage, Meter::S3WriteRequests, lists)];
    uses.extend(part.runs(RUNS_A_MONTH, RUN_SECONDS, MEMORY_GB));
    uses
}
