//! What a stack always has: keys, dashboard, alarms.

use super::{Item, StackPart, Use};
use crate::{Meter, Scenario};

/// Alarms by switch, those of the database with email events, those of the reconciler with either of the pipelines that have it; a test
/// holds their sum against the template.
const ALARMS: [(StackPart, f64); 4] = [
    (StackPart::Base, 4.0),
    (StackPart::EmailEvents, 14.0),
    (StackPart::AppEvents, 9.0),
    (StackPart::ProductEvents, 8.0),
];

pub(super) fn uses(scenario: &Scenario) -> Vec<Use> {
    let has = |part| match part {
        StackPart::Base => true,
        StackPart::EmailEvents => scenario.email_events.is_some(),
        StackPart::AppEvents => scenario.app_events.is_some(),
        StackPart::ProductEvents => scenario.product_events.is_some(),
    };
    let base = StackPart::Base;
    let mut uses = vec![
        base.uses(Item::Keys, Meter::Secrets, 1.0),
        base.uses(Item::Watching, Meter::Dashboards, 1.0),
        // Requests that were denied.
        base.uses(Item::Watching, Meter::CustomMetrics, 1.0),
    ];
    uses.extend(
        ALARMS
            .into_iter()
            .filter(|(part, _)| has(*part))
            .map(|(part, alarms)| part.uses(Item::Watching, Meter::Alarms, alarms)),
    );
    uses
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A count that is too high by a few adds a dime; a count that is too low promises too much.
    #[test]
    fn no_alarm_of_the_template_is_forgotten() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../template.yaml");
        let template = std::fs::read_to_string(path).unwrap();
        let is_alarm = |line: &&str| line.trim() == "Type: AWS::CloudWatch::Alarm";
        let in_template = template.lines().filter(is_alarm).count();

        let counted: f64 = ALARMS.iter().map(|(_, alarms)| alarms).sum();
        assert!(
            f64::from(u32::try_from(in_template).unwrap()) <= counted,
            "the template has {in_template} alarms, ALARMS has {counted}"
        );
    }
}
