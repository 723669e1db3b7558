//! The price of usage.

use serde::Serialize;

use crate::{Item, Meter, Scenario, StackPart, Use, usage};

/// A month's bill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bill {
    lines: Vec<Line>,
}

/// The use of one meter by one part of the stack for one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The usage.
    #[serde(flatten)]
    pub used: Use,
    /// Its cost, after its share of the free units.
    pub usd: f64,
}

impl Bill {
    /// The bill of a month.
    pub fn of(scenario: &Scenario) -> Self {
        Self::for_uses(&usage::of(scenario), scenario.free_tier)
    }

    /// Prices usage. A meter's tiers and free units apply to the sum of all its uses; each use pays its share.
    pub fn for_uses(uses: &[Use], with_free_tier: bool) -> Self {
        let total = |meter: Meter| -> f64 {
            let same = uses.iter().filter(|each| each.meter == meter);
            same.map(|each| each.quantity).sum()
        };
        let lines = uses
            .iter()
            .map(|used| {
                let total = total(used.meter);
                let usd = used.meter.price().usd(total, with_free_tier);
                Line {
                    used: *used,
                    usd: usd * used.quantity / total,
                }
            })
            .collect();
        Self { lines }
    }

    /// All lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The sum.
    pub fn total_usd(&self) -> f64 {
        self.lines.iter().map(|line| line.usd).sum()
    }

    /// What one part of the stack costs.
    pub fn part_usd(&self, part: StackPart) -> f64 {
        self.sum(|used| used.part == part)
    }

    /// What one purpose costs.
    pub fn item_usd(&self, item: Item) -> f64 {
        self.sum(|used| used.item == item)
    }

    /// Purposes that cost something, the most expensive first.
    pub fn by_item(&self) -> Vec<(Item, f64)> {
        let mut items: Vec<(Item, f64)> = Item::ALL
            .into_iter()
            .map(|item| (item, self.item_usd(item)))
            .filter(|(_, usd)| *usd >= 0.005)
            .collect();
        items.sort_by(|a, b| b.1.total_cmp(&a.1));
        items
    }

    fn sum(&self, belongs: impl Fn(&Use) -> bool) -> f64 {
        self.lines
            .iter()
            .filter(|line| belongs(&line.used))
            .map(|line| line.usd)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AppEvents, Database, EmailEvents, Endpoint, ProductEvents, article};

    fn usd(scenario: &Scenario) -> f64 {
        Bill::of(scenario).total_usd()
    }

    #[test]
    fn published_month_costs_at_most_90_dollars_with_single_events_and_25_with_ten() {
        assert!(usd(&article::scenario(1.0)) <= 90.0);
        assert!(usd(&article::scenario(10.0)) <= 25.0);
    }

    #[test]
    fn published_month_stays_below_90_without_any_free_tier() {
        let paid = |batch| Scenario {
            free_tier: false,
            ..article::scenario(batch)
        };

        assert!(usd(&paid(1.0)) <= 90.0);
        assert!(usd(&paid(10.0)) <= 25.0);
    }

    #[test]
    fn lines_of_all_parts_add_up_to_the_total() {
        let scenario = Scenario {
            email_events: Some(EmailEvents::default()),
            app_events: Some(AppEvents::default()),
            ..article::scenario(10.0)
        };
        let bill = Bill::of(&scenario);

        let parts = [
            StackPart::Base,
            StackPart::EmailEvents,
            StackPart::AppEvents,
            StackPart::ProductEvents,
        ];
        let by_part: f64 = parts.map(|part| bill.part_usd(part)).iter().sum();
        let by_item: f64 = Item::ALL.map(|item| bill.item_usd(item)).iter().sum();
        assert!((by_part - bill.total_usd()).abs() < 1e-9);
        assert!((by_item - bill.total_usd()).abs() < 1e-9);
    }

    #[test]
    fn gateways_cost_what_the_function_url_saves() {
        let through = |endpoint| {
            let mut scenario = article::scenario(1.0);
            scenario.product_events = scenario.product_events.map(|product| ProductEvents {
                endpoint,
                ..product
            });
            Bill::of(&scenario).item_usd(Item::Gateway)
        };

        assert!(through(Endpoint::FunctionUrl).abs() < 1e-9);
        assert!((through(Endpoint::HttpApi) - 200.0).abs() < 1e-9);
        assert!((through(Endpoint::RestApi) - 700.0).abs() < 1e-9);
    }

    #[test]
    fn idle_stack_without_a_database_costs_little_and_the_database_is_the_rest() {
        let all = |database| Scenario {
            email_events: Some(EmailEvents {
                database,
                ..EmailEvents::default()
            }),
            app_events: Some(AppEvents::default()),
            ..article::scenario(1.0)
        };

        let own = usd(&all(Database::Own).idle());
        let small = usd(&all(Database::Small).idle());
        assert!(own < 6.5, "{own}");
        assert!((small - own - (23.36 + 2.30 + 0.40)).abs() < 0.01);
    }
}
