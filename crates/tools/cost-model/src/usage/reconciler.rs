//! The reconciler: every object of a day is read several times, and looked for on each side.

use super::{Item, MEMORY_GB, StackPart, Use, app_events, product_events};
use crate::{Meter, Scenario, prices::HOURS_A_MONTH};

/// `ReconcileSchedule` is three hours.
const RUNS_A_MONTH: f64 = HOURS_A_MONTH / 3.0;
/// Of the eight runs of a day one finds half of its objects on average; one or two more find the whole day, when it is over.
const READS_AN_OBJECT: f64 = 5.5;
const MEMORY_OF_RUN_GB: f64 = 1.0;
const RUN_SECONDS: f64 = 2.0;
/// Reading a batch and asking for its events, and the answer of `query`.
const BATCH_SECONDS: f64 = 0.1;
const QUERY_SECONDS: f64 = 0.05;
/// Reading and converting an object of the lake, without its bytes' share.
const OBJECT_SECONDS: f64 = 0.1;
/// The difference of each pipeline, and of all.
const METRICS: f64 = 2.0;

pub(super) fn uses(scenario: &Scenario) -> Vec<Use> {
    let has_lake = scenario.product_events.is_some();
    let mut uses = Vec::new();
    if let Some(email) = &scenario.email_events {
        let part = StackPart::EmailEvents;
        let looks = email.batches() * READS_AN_OBJECT;
        uses.extend([
            part.uses(Item::Gateway, Meter::HttpApiRequests, looks),
            part.uses(Item::Storage, Meter::S3ReadRequests, looks),
        ]);
        uses.extend(part.runs(looks, QUERY_SECONDS, MEMORY_GB));
        uses.push(time(part, looks * BATCH_SECONDS));
        if has_lake {
            uses.extend(lake(part, email.batches()));
        }
    }
    if let Some(app) = scenario.app_events.as_ref().filter(|_| has_lake) {
        uses.extend(lake(StackPart::AppEvents, app_events::objects(app)));
    }
    if let Some(product) = &scenario.product_events {
        let part = StackPart::ProductEvents;
        uses.extend(lake(part, product_events::deliveries(product)));
        let gb_seconds = product_events::convert_gb_seconds(product) * READS_AN_OBJECT;
        uses.push(part.uses(Item::Functions, Meter::LambdaGbSeconds, gb_seconds));
    }
    let part = match (&scenario.email_events, has_lake) {
        (Some(_), _) => StackPart::EmailEvents,
        (None, true) => StackPart::ProductEvents,
        (None, false) => return uses,
    };
    uses.push(part.uses(Item::Watching, Meter::CustomMetrics, METRICS));
    uses.extend(part.runs(RUNS_A_MONTH, RUN_SECONDS, MEMORY_OF_RUN_GB));
    uses
}

/// Objects that are read and converted again, to be looked for in the lake.
fn lake(part: StackPart, objects: f64) -> Vec<Use> {
    let looks = objects * READS_AN_OBJECT;
    vec![
        part.uses(Item::Storage, Meter::S3ReadRequests, looks),
        time(part, looks * OBJECT_SECONDS),
    ]
}

/// Time of the reconciler's runs, which are counted once.
fn time(part: StackPart, seconds: f64) -> Use {
    let gb_seconds = seconds * MEMORY_OF_RUN_GB;
    part.uses(Item::Functions, Meter::LambdaGbSeconds, gb_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article;

    #[test]
    fn a_stack_without_rows_and_files_has_no_reconciler() {
        let mut scenario = article::scenario(10.0);
        assert!(!uses(&scenario).is_empty());

        scenario.product_events = None;
        scenario.email_events = None;

        assert_eq!(uses(&scenario), []);
    }
}
