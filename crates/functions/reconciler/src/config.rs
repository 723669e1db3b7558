//! Settings and clients.

use std::time::Duration;

use aws_io::{Aws, S3Client, SecretsClient, SqsClient};
use event_model::Pipeline;
use function_kit::{Env, EnvError, metrics::Metrics};
use lake_schema::FirstDay;
use reqwest::Client;
use time::{Date, OffsetDateTime};

/// Timeout of a request; the gateway times out after 30 s.
const REQUEST_LIMIT: Duration = Duration::from_secs(35);

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bucket of the archive, of the lake and of the records.
    pub bucket: String,
    /// Name or ARN of the secret with the keys.
    pub secret_id: String,
    /// The stack's own API.
    pub api_origin: String,
    /// The loader's queue; none in a stack without email events.
    pub load_queue_url: Option<String>,
    /// The archiver's queue; none in a stack without a lake.
    pub archive_queue_url: Option<String>,
    /// The first day of the lake.
    pub lake_first_day: Date,
    /// How long an object may wait, at first and after it was sent again.
    pub wait: Duration,
    /// `CloudWatch` namespace of the metrics.
    pub metrics_namespace: Option<String>,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let FirstDay(lake_first_day) =
            env.parsed("LAKE_FIRST_DAY", "a day, YYYY-MM-DD", FirstDay::DEFAULT)?;
        let wait_minutes: u32 = env.parsed("WAIT_MINUTES", "a number of minutes", 60)?;
        Ok(Self {
            bucket: env.required("EVENTS_BUCKET", "the name of the events bucket")?,
            secret_id: env.required("KEYS_SECRET_ARN", "the ARN of the secret with the keys")?,
            api_origin: env.required("API_ORIGIN", "the origin of the stack's API")?,
            load_queue_url: env.optional("LOAD_QUEUE_URL")?,
            archive_queue_url: env.optional("ARCHIVE_QUEUE_URL")?,
            lake_first_day,
            wait: Duration::from_secs(u64::from(wait_minutes) * 60),
            metrics_namespace: env.optional("METRICS_NAMESPACE")?,
        })
    }
}

/// What every run needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The settings.
    pub config: Config,
    /// Reads the bucket and writes the records.
    pub s3: S3Client,
    /// Sends what is missing.
    pub sqs: SqsClient,
    /// Reads the keys.
    pub secrets: SecretsClient,
    /// Asks the API.
    pub http: Client,
    /// Where metrics are written.
    pub metrics: Metrics,
    /// The current time.
    pub clock: fn() -> OffsetDateTime,
}

impl Deps {
    /// Creates the clients. Sends no request.
    ///
    /// # Errors
    /// The HTTP client cannot be created.
    pub async fn connect(
        config: Config,
        clock: fn() -> OffsetDateTime,
    ) -> Result<Self, reqwest::Error> {
        let metrics = Metrics::stdout(Pipeline::EmailEvents, config.metrics_namespace.as_deref());
        Self::with(config, &Aws::from_env().await, metrics, clock)
    }

    /// As [`Deps::connect`], with the AWS configuration of `aws`.
    ///
    /// # Errors
    /// The HTTP client cannot be created.
    pub fn with(
        config: Config,
        aws: &Aws,
        metrics: Metrics,
        clock: fn() -> OffsetDateTime,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            config,
            s3: aws.s3(),
            sqs: aws.sqs(),
            secrets: aws.secrets(),
            http: Client::builder().timeout(REQUEST_LIMIT).build()?,
            metrics,
            clock,
        })
    }
}

#[cfg(test)]
mod tests {
    use function_kit::env::check_required;
    use lake_schema::layout;

    use super::*;

    const REQUIRED: [&str; 3] = ["EVENTS_BUCKET", "KEYS_SECRET_ARN", "API_ORIGIN"];

    #[test]
    fn settings_are_those_of_the_readme() {
        let readme = include_str!("../README.md");

        assert_eq!(check_required(&REQUIRED, readme, Config::from_env), Ok(()));
        let config = Config::from_env(&Env::from_pairs(REQUIRED.map(|name| (name, "x")))).unwrap();
        let minutes = config.wait.as_secs() / 60;
        assert!(readme.contains(&format!("| `WAIT_MINUTES` | `{minutes}` |")));
        let first_day = layout::format_day(config.lake_first_day);
        assert!(readme.contains(&format!("| `LAKE_FIRST_DAY` | `{first_day}` |")));
    }
}
