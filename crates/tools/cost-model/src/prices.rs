//! List prices of AWS in us-east-1, in US dollars before tax. Prices change: only this file has to be updated.
//!
//! Each price has the month in which it was last seen on a public page. A price without a month is the long-standing list
//! price, which was not found again when the others were.

use serde::Serialize;

/// The region of all prices.
pub const REGION: &str = "us-east-1";
/// When the list was last checked.
pub const REVISED: &str = "November 2026";
/// Hours in a month, as AWS counts.
pub const HOURS_A_MONTH: f64 = 730.0;

/// What AWS meters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Meter {
    /// Requests to a REST API.
    RestApiRequests,
    /// Requests to an HTTP API, of up to 512 KB.
    HttpApiRequests,
    /// Invocations of functions.
    LambdaRequests,
    /// Duration of functions on arm64, times their memory.
    LambdaGbSeconds,
    /// Duration of functions on x86, times their memory.
    LambdaX86GbSeconds,
    /// Data into Firehose, each record rounded up to 5 KiB.
    FirehoseGb,
    /// Calls to SQS, of up to 64 KB.
    SqsRequests,
    /// Events of S3 to `EventBridge`.
    EventBridgeEvents,
    /// PUT and LIST.
    S3WriteRequests,
    /// GET.
    S3ReadRequests,
    /// Objects stored, for a month.
    S3StoredGb,
    /// Objects that a lifecycle rule moves into another storage class.
    TransitionRequests,
    /// Objects that Intelligent-Tiering monitors, for a month.
    TieredObjects,
    /// Data that Athena's queries read, in terabytes of 10^12 bytes.
    AthenaScannedTb,
    /// DPU hours of Glue jobs and crawlers.
    GlueDpuHours,
    /// Ingested log lines.
    LogGb,
    /// Custom metrics, for a month.
    CustomMetrics,
    /// Alarms, for a month.
    Alarms,
    /// Dashboards, for a month.
    Dashboards,
    /// Traces recorded by X-Ray.
    Traces,
    /// Secrets kept, for a month.
    Secrets,
    /// Hours of a db.t4g.micro running Postgres in one zone.
    RdsMicroHours,
    /// Hours of a db.t4g.small.
    RdsSmallHours,
    /// Hours of a db.t4g.medium.
    RdsMediumHours,
    /// Hours of a db.t4g.large.
    RdsLargeHours,
    /// gp3 storage of a database, for a month.
    RdsStoredGb,
    /// Data to the internet.
    EgressGb,
}

/// What a meter costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Price {
    /// The name of a unit, for people.
    pub unit: &'static str,
    /// The amount of the meter that makes one unit.
    pub unit_size: f64,
    /// Dollars per unit, by tier: up to a number of units in total, and above.
    pub tiers: &'static [Tier],
    /// Units per month that are always free for every account.
    pub free_units: f64,
    /// Where the price is published.
    pub page: &'static str,
    /// The month in which it was last seen, `2026-05`.
    pub seen: Option<&'static str>,
}

/// A tier of a price.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tier {
    /// The total of units up to which this applies.
    pub up_to_units: f64,
    /// Dollars per unit.
    pub usd: f64,
}

const fn tier(up_to_units: f64, usd: f64) -> Tier {
    Tier { up_to_units, usd }
}

const fn price(
    unit: &'static str,
    unit_size: f64,
    tiers: &'static [Tier],
    page: &'static str,
    seen: Option<&'static str>,
) -> Price {
    Price {
        unit,
        unit_size,
        tiers,
        free_units: 0.0,
        page,
        seen,
    }
}

impl Price {
    const fn free(self, free_units: f64) -> Self {
        Self { free_units, ..self }
    }
}

/// One price for any amount.
macro_rules! flat {
    ($usd:literal) => {
        const { &[tier(f64::INFINITY, $usd)] }
    };
}

const MILLION: f64 = 1e6;
const API_GATEWAY: &str = "https://aws.amazon.com/api-gateway/pricing/";
const LAMBDA: &str = "https://aws.amazon.com/lambda/pricing/";
const FIREHOSE: &str = "https://aws.amazon.com/firehose/pricing/";
const SQS: &str = "https://aws.amazon.com/sqs/pricing/";
const EVENTBRIDGE: &str = "https://aws.amazon.com/eventbridge/pricing/";
const S3: &str = "https://aws.amazon.com/s3/pricing/";
const ATHENA: &str = "https://aws.amazon.com/athena/pricing/";
const GLUE: &str = "https://aws.amazon.com/glue/pricing/";
const CLOUDWATCH: &str = "https://aws.amazon.com/cloudwatch/pricing/";
const XRAY: &str = "https://aws.amazon.com/xray/pricing/";
const SECRETS: &str = "https://aws.amazon.com/secrets-manager/pricing/";
const RDS: &str = "https://aws.amazon.com/rds/postgresql/pricing/";
const EC2: &str = "https://aws.amazon.com/ec2/pricing/on-demand/";

/// HTTP and REST prices per million requests, in tiers of millions.
const REST: &[Tier] = &[
    tier(333.0, 3.50),
    tier(1_000.0, 2.80),
    tier(20_000.0, 2.38),
    tier(f64::INFINITY, 1.51),
];
const HTTP: &[Tier] = &[tier(300.0, 1.00), tier(f64::INFINITY, 0.90)];
const FIREHOSE_GB: &[Tier] = &[
    tier(512_000.0, 0.029),
    tier(2_048_000.0, 0.025),
    tier(f64::INFINITY, 0.020),
];

impl Meter {
    /// Every meter, in the order of the report.
    pub const ALL: [Self; 27] = [
        Self::RestApiRequests,
        Self::HttpApiRequests,
        Self::LambdaRequests,
        Self::LambdaGbSeconds,
        Self::LambdaX86GbSeconds,
        Self::FirehoseGb,
        Self::SqsRequests,
        Self::EventBridgeEvents,
        Self::S3WriteRequests,
        Self::S3ReadRequests,
        Self::S3StoredGb,
        Self::TransitionRequests,
        Self::TieredObjects,
        Self::AthenaScannedTb,
        Self::GlueDpuHours,
        Self::LogGb,
        Self::CustomMetrics,
        Self::Alarms,
        Self::Dashboards,
        Self::Traces,
        Self::Secrets,
        Self::RdsMicroHours,
        Self::RdsSmallHours,
        Self::RdsMediumHours,
        Self::RdsLargeHours,
        Self::RdsStoredGb,
        Self::EgressGb,
    ];

    /// Its price.
    #[rustfmt::skip] // a table is easiest to read as one
    pub const fn price(self) -> Price {
        match self {
            Self::RestApiRequests => price("million requests to a REST API", MILLION, REST, API_GATEWAY, Some("2026-05")),
            Self::HttpApiRequests => price("million requests to an HTTP API", MILLION, HTTP, API_GATEWAY, Some("2026-05")),
            Self::LambdaRequests => price("million invocations", MILLION, flat!(0.20), LAMBDA, None).free(1.0),
            Self::LambdaGbSeconds => price("GB-second of a function, arm64", 1.0, flat!(0.000_013_333_4), LAMBDA, None).free(400_000.0),
            Self::LambdaX86GbSeconds => price("GB-second of a function, x86", 1.0, flat!(0.000_016_666_7), LAMBDA, None).free(400_000.0),
            Self::FirehoseGb => price("GB into Firehose, records rounded up to 5 KB", 1.0, FIREHOSE_GB, FIREHOSE, None),
            Self::SqsRequests => price("million calls of SQS", MILLION, flat!(0.40), SQS, None).free(1.0),
            Self::EventBridgeEvents => price("million events of S3 to EventBridge", MILLION, flat!(1.00), EVENTBRIDGE, None),
            Self::S3WriteRequests => price("thousand PUT or LIST of S3", 1e3, flat!(0.005), S3, Some("2026-05")),
            Self::S3ReadRequests => price("thousand GET of S3", 1e3, flat!(0.000_4), S3, Some("2026-05")),
            Self::S3StoredGb => price("GB-month in S3", 1.0, flat!(0.023), S3, Some("2026-05")),
            Self::TransitionRequests => price("thousand objects moved by a lifecycle rule", 1e3, flat!(0.01), S3, None),
            Self::TieredObjects => price("thousand objects watched by Intelligent-Tiering, for a month", 1e3, flat!(0.002_5), S3, None),
            Self::AthenaScannedTb => price("TB scanned by Athena", 1.0, flat!(5.0), ATHENA, Some("2026-05")),
            Self::GlueDpuHours => price("DPU-hour of Glue", 1.0, flat!(0.44), GLUE, Some("2026-05")),
            Self::LogGb => price("GB of logs", 1.0, flat!(0.50), CLOUDWATCH, Some("2026-06")).free(5.0),
            Self::CustomMetrics => price("metric-month", 1.0, flat!(0.30), CLOUDWATCH, Some("2026-06")).free(10.0),
            Self::Alarms => price("alarm-month", 1.0, flat!(0.10), CLOUDWATCH, Some("2026-06")).free(10.0),
            Self::Dashboards => price("dashboard-month", 1.0, flat!(3.0), CLOUDWATCH, Some("2026-06")).free(3.0),
            Self::Traces => price("million traces", MILLION, flat!(5.0), XRAY, None).free(0.1),
            Self::Secrets => price("secret-month", 1.0, flat!(0.40), SECRETS, None),
            Self::RdsMicroHours => price("hour of db.t4g.micro", 1.0, flat!(0.016), RDS, Some("2026-05")),
            Self::RdsSmallHours => price("hour of db.t4g.small", 1.0, flat!(0.032), RDS, Some("2026-05")),
            Self::RdsMediumHours => price("hour of db.t4g.medium", 1.0, flat!(0.065), RDS, Some("2026-05")),
            Self::RdsLargeHours => price("hour of db.t4g.large", 1.0, flat!(0.129), RDS, None),
            Self::RdsStoredGb => price("GB-month of gp3", 1.0, flat!(0.115), RDS, Some("2026-06")),
            Self::EgressGb => price("GB to the internet", 1.0, flat!(0.09), EC2, Some("2026-05")).free(100.0),
        }
    }
}

impl Price {
    /// Dollars for an amount of a meter. `with_free_tier` subtracts the free units.
    pub fn usd(&self, quantity: f64, with_free_tier: bool) -> f64 {
        let free = if with_free_tier { self.free_units } else { 0.0 };
        let mut left = (quantity / self.unit_size - free).max(0.0);
        let mut usd = 0.0;
        let mut from = 0.0;
        for tier in self.tiers {
            let units = left.min(tier.up_to_units - from);
            usd += units * tier.usd;
            left -= units;
            from = tier.up_to_units;
        }
        usd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }

    #[test]
    fn tiers_hold_for_their_own_units_only() {
        let price = Meter::RestApiRequests.price();

        is_close(price.usd(200e6, true), 700.0);
        is_close(price.usd(333e6, true), 1_165.5);
        is_close(price.usd(334e6, true), 1_168.3);
        is_close(price.usd(1_001e6, true), 1_165.5 + 667.0 * 2.80 + 2.38);
    }

    #[test]
    fn free_units_are_taken_off_once_and_never_give_money_back() {
        let price = Meter::LambdaRequests.price();

        is_close(price.usd(200e6, true), 39.8);
        is_close(price.usd(200e6, false), 40.0);
        is_close(price.usd(5.0, true), 0.0);
    }

    #[test]
    fn last_tier_of_every_price_is_open() {
        for meter in Meter::ALL {
            let tiers = meter.price().tiers;
            assert!(
                tiers
                    .last()
                    .is_some_and(|last| last.up_to_units.is_infinite()),
                "{meter:?}"
            );
            assert!(tiers.is_sorted_by(|a, b| a.up_to_units < b.up_to_units));
        }
    }
}
