//! What the stack uses of each meter in a month.

mod app_events;
mod archive;
mod email_events;
mod eraser;
mod product_events;
mod reconciler;
mod stack;

use serde::Serialize;

use crate::{Meter, Scenario};
use archive::Archived;

pub use product_events::{FULL_YEAR_DAYS, ScannedBytes, query_usd, scanned_bytes};

/// 2^30, as AWS counts a GB of memory, of logs and of Firehose.
pub(crate) const GIB: f64 = 1_073_741_824.0;
/// Memory of a function unless the template says otherwise (`Globals`).
const MEMORY_GB: f64 = 0.25;
/// Long polls of a queue by Lambda: five at once, each of 20 s, all month
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>).
const POLLS_A_MONTH: f64 = 5.0 * 3.0 * 60.0 * crate::prices::HOURS_A_MONTH;

/// The part of the stack that uses something: a switch of the template, or the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StackPart {
    /// What every stack has: keys, gateway, dashboard.
    Base,
    /// `EnableEmailEvents`.
    EmailEvents,
    /// `EnableForwarder`.
    AppEvents,
    /// `EnableAnalytics`.
    ProductEvents,
}

/// The purpose of usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// The gateways.
    Gateway,
    /// Functions: invocations and their time.
    Functions,
    /// Firehose.
    Delivery,
    /// Queues.
    Queues,
    /// From JSON to Parquet, if that is not one of our functions.
    Transform,
    /// Stored objects, and writing them.
    Storage,
    /// Email and app events as Parquet.
    Archive,
    /// Bytes that queries read.
    Scans,
    /// Files that queries list and open.
    QueryRequests,
    /// Postgres.
    Database,
    /// Logs, metrics, alarms, traces.
    Watching,
    /// Secrets.
    Keys,
    /// Data to a destination outside AWS.
    Egress,
}

/// An amount of one meter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Use {
    /// Who uses it.
    pub part: StackPart,
    /// What for.
    pub item: Item,
    /// What AWS meters.
    pub meter: Meter,
    /// The amount.
    pub quantity: f64,
}

/// All usage of a month.
pub fn of(scenario: &Scenario) -> Vec<Use> {
    let mut uses = stack::uses(scenario);
    let months = scenario.retention_months;
    if let Some(email) = &scenario.email_events {
        uses.extend(email_events::uses(email, months));
    }
    if let Some(app) = &scenario.app_events {
        uses.extend(app_events::uses(app, months));
    }
    if let Some(product) = &scenario.product_events {
        uses.extend(product_events::uses(product, months));
        uses.extend(archives(scenario, product.close_months));
    }
    uses.extend(reconciler::uses(scenario));
    uses.extend(eraser::uses());
    uses.retain(|each| each.quantity > 0.0);
    uses
}

/// If product events are enabled, the other pipelines' raw objects are converted to Parquet too.
fn archives(scenario: &Scenario, close_months: bool) -> Vec<Use> {
    let email = scenario.email_events.as_ref().map(|email| Archived {
        part: StackPart::EmailEvents,
        objects: email.batches(),
        events: email.events,
        close_months,
    });
    let app = scenario.app_events.as_ref().map(|app| Archived {
        part: StackPart::AppEvents,
        objects: app_events::objects(app),
        events: app.events,
        close_months,
    });
    let each = [email, app].into_iter().flatten();
    each.flat_map(|archived| archive::uses(archived, scenario.retention_months))
        .collect()
}

impl StackPart {
    /// What the report calls it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Base => "every stack",
            Self::EmailEvents => "email events",
            Self::AppEvents => "app events",
            Self::ProductEvents => "product events",
        }
    }

    fn uses(self, item: Item, meter: Meter, quantity: f64) -> Use {
        Use {
            part: self,
            item,
            meter,
            quantity,
        }
    }

    /// Invocations of a function with the given memory.
    fn runs(self, invocations: f64, seconds: f64, memory_gb: f64) -> [Use; 2] {
        [
            self.uses(Item::Functions, Meter::LambdaRequests, invocations),
            self.uses(
                Item::Functions,
                Meter::LambdaGbSeconds,
                invocations * seconds * memory_gb,
            ),
        ]
    }
}

impl Item {
    /// Every purpose, in the order in which an event passes them.
    pub const ALL: [Self; 13] = [
        Self::Gateway,
        Self::Functions,
        Self::Delivery,
        Self::Queues,
        Self::Transform,
        Self::Storage,
        Self::Archive,
        Self::Scans,
        Self::QueryRequests,
        Self::Database,
        Self::Watching,
        Self::Keys,
        Self::Egress,
    ];

    /// Its name in the report.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Functions => "functions",
            Self::Delivery => "Firehose",
            Self::Queues => "queues",
            Self::Transform => "JSON to Parquet",
            Self::Storage => "S3 storage and writes",
            Self::Archive => "email and app events as Parquet",
            Self::Scans => "Athena scans",
            Self::QueryRequests => "S3 requests of queries",
            Self::Database => "Postgres",
            Self::Watching => "logs, metrics, alarms",
            Self::Keys => "secrets",
            Self::Egress => "data to the destination",
        }
    }
}
