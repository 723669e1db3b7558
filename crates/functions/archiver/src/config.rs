//! Settings and clients of the two functions.

use aws_io::{Aws, S3Client};
use erasure::TombstoneList;
use event_model::Pipeline;
use function_kit::{Env, EnvError, metrics::Metrics};
use lake_files::Merge;
use lake_schema::{FirstDay, Table};
use sender_recipes::SenderList;
use time::{Date, Duration, OffsetDateTime};

use crate::compaction::Policy;

/// Most late events of a month have arrived by then; each later one adds a file to the month.
const COPY_MONTH_AFTER: Duration = Duration::days(3);

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bucket of the archive and of the lake.
    pub bucket: String,
    /// The first day that the tables' partitions cover.
    pub first_day: Date,
    /// Whether finished months are copied into one file each.
    pub copy_months: bool,
    /// When days are compacted and months copied.
    pub policy: Policy,
    /// Memory for one column of a day's rows during a merge, in bytes.
    pub column_bytes: usize,
    /// The largest number of rows in one merge.
    pub max_rows: usize,
    /// `CloudWatch` namespace of the metrics.
    pub metrics_namespace: Option<String>,
}

impl Config {
    /// Reads the settings.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        const HOURS: &str = "a number of hours";
        let FirstDay(first_day) =
            env.parsed("LAKE_FIRST_DAY", "a day, YYYY-MM-DD", FirstDay::DEFAULT)?;
        let hours = |name, default| {
            env.parsed::<u16>(name, HOURS, default)
                .map(|hours| Duration::hours(hours.into()))
        };
        let query_grace_period: u16 = env.parsed("SETTLE_MINUTES", "a number of minutes", 45)?;
        let memory_mib: usize =
            env.parsed("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "a number of MiB", 1024)?;
        Ok(Self {
            bucket: env.required("EVENTS_BUCKET", "the name of the events bucket")?,
            first_day,
            copy_months: env.parsed("CLOSE_MONTHS", "true or false", false)?,
            policy: Policy {
                compact_after: hours("CLOSE_AFTER_HOURS", 3)?,
                recompact_after: hours("REOPEN_AFTER_HOURS", 24)?,
                copy_month_after: COPY_MONTH_AFTER,
                query_grace_period: Duration::minutes(query_grace_period.into()),
            },
            // Columns grow by doubling, and the order of the rows takes another 40 bytes for each row.
            column_bytes: (memory_mib << 20) / 8,
            max_rows: (memory_mib << 20) / 2 / Merge::BYTES_A_ROW,
            metrics_namespace: env.optional("METRICS_NAMESPACE")?,
        })
    }
}

/// What every invocation needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The settings.
    pub config: Config,
    /// The bucket's client.
    pub s3: S3Client,
    /// The erased people, whose events are left out.
    pub erased: TombstoneList,
    /// The senders of email events.
    pub senders: SenderList,
    /// The tables that events go to.
    pub tables: Vec<Table>,
    /// Where metrics are written.
    pub metrics: Metrics,
    /// The current time.
    pub clock: fn() -> OffsetDateTime,
}

impl Deps {
    /// Makes the clients, without connecting to anything.
    pub async fn connect(config: Config, clock: fn() -> OffsetDateTime) -> Self {
        let s3 = Aws::from_env().await.s3();
        Self {
            metrics: Metrics::stdout(Pipeline::ProductEvents, config.metrics_namespace.as_deref()),
            erased: TombstoneList::new(s3.clone(), config.bucket.clone()),
            senders: SenderList::new(s3.clone(), config.bucket.clone()),
            config,
            s3,
            tables: Table::all().into(),
            clock,
        }
    }
}

#[cfg(test)]
mod tests {
    use lake_schema::layout;

    use super::*;

    #[test]
    fn defaults_are_those_of_the_readme() {
        let config = Config::from_env(&Env::from_pairs([("EVENTS_BUCKET", "b")])).unwrap();

        let readme = include_str!("../README.md");
        for (name, default) in [
            ("LAKE_FIRST_DAY", layout::format_day(config.first_day)),
            (
                "CLOSE_AFTER_HOURS",
                config.policy.compact_after.whole_hours().to_string(),
            ),
            (
                "REOPEN_AFTER_HOURS",
                config.policy.recompact_after.whole_hours().to_string(),
            ),
            (
                "SETTLE_MINUTES",
                config.policy.query_grace_period.whole_minutes().to_string(),
            ),
            ("CLOSE_MONTHS", config.copy_months.to_string()),
        ] {
            assert!(
                readme.contains(&format!("| `{name}` | `{default}` |")),
                "{name}"
            );
        }
    }

    #[test]
    fn wrong_settings_are_named() {
        for (name, value) in [
            ("LAKE_FIRST_DAY", "2026-02-30"),
            ("LAKE_FIRST_DAY", "20260101"),
            ("SETTLE_MINUTES", "-1"),
            ("CLOSE_AFTER_HOURS", "3h"),
            ("CLOSE_MONTHS", "yes"),
        ] {
            let env = Env::from_pairs([("EVENTS_BUCKET", "b"), (name, value)]);
            let error = Config::from_env(&env).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("{name} is not valid")),
                "{error}"
            );
        }
        let error = Config::from_env(&Env::from_pairs([("SETTLE_MINUTES", "1")])).unwrap_err();
        assert!(error.to_string().starts_with("EVENTS_BUCKET is not set"));
    }
}
