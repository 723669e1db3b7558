//! The configuration of the function.

use std::{num::NonZeroUsize, str::FromStr, time::Duration};

use event_mapping::{ConfigError, Mapper, MappingConfig};
use function_kit::{BoxError, Env, EnvError};
use url::Url;

use crate::{
    destination::{BodyFormat, HttpLimits, IterableRates},
    resolution::UnknownUsers,
    run::RunSettings,
    visibility::VisibilityBackoff,
};

const ITERABLE_US: &str = "https://api.iterable.com";
const ITERABLE_EU: &str = "https://api.eu.iterable.com";

/// Two less than Iterable's limit of 10 a second, which applies to all senders of a project together.
const DEFAULT_REQUESTS_PER_SECOND: f64 = 8.0;
const DEFAULT_PURCHASES_PER_SECOND: f64 = 50.0;
/// A century: longer than any sensible setting.
const MAX_HOURS: u64 = 100 * 366 * 24;
const DEFAULT_HTTP_EVENTS: NonZeroUsize = NonZeroUsize::new(500).expect("500 is not 0");
const DEFAULT_HTTP_BYTES: NonZeroUsize = NonZeroUsize::new(1_000_000).expect("a million is not 0");

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bucket of the archive, to which rejections are written too.
    pub bucket: String,
    /// URL of the queue.
    pub queue_url: String,
    /// The destination of events.
    pub destination: DestinationConfig,
    /// ARN of the secret with the destination's key.
    pub secret_arn: Option<String>,
    /// The mapping of events.
    pub mapper: Mapper,
    /// The settings of a run.
    pub run: RunSettings,
    /// `CloudWatch` namespace of the metrics.
    pub metrics_namespace: Option<String>,
}

/// The destination of events.
#[derive(Clone, Debug)]
pub enum DestinationConfig {
    /// A project at Iterable.
    Iterable {
        /// The API's host.
        url: Url,
        /// The rates that it accepts.
        rates: IterableRates,
    },
    /// Any HTTP endpoint.
    Http {
        /// The URL of requests.
        url: Url,
        /// The format of events in them.
        format: BodyFormat,
        /// Its limits.
        limits: HttpLimits,
    },
}

/// An invalid setting.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A variable is missing or is not of the expected form.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The mapping is invalid.
    #[error("MAPPING is not valid")]
    Mapping(#[from] ConfigError),
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one is missing or invalid; the text names it.
    pub fn from_env(env: &Env) -> Result<Self, SettingsError> {
        let destination = DestinationConfig::from_env(env)?;
        let secret_arn = env.optional("DESTINATION_SECRET_ARN")?;
        if secret_arn.is_none() && matches!(destination, DestinationConfig::Iterable { .. }) {
            env.required(
                "DESTINATION_SECRET_ARN",
                "the ARN of a secret {\"api_key\": \"…\"}",
            )?;
        }
        let mapping = env.optional("MAPPING")?.unwrap_or_default();
        Ok(Self {
            bucket: env.required("EVENTS_BUCKET", "the name of the events bucket")?,
            queue_url: env.required("FORWARD_QUEUE_URL", "the URL of the queue of app events")?,
            destination,
            secret_arn,
            mapper: Mapper::new(MappingConfig::from_json(&mapping)?)?,
            run: run_settings(env)?,
            metrics_namespace: env.optional("METRICS_NAMESPACE")?,
        })
    }
}

impl DestinationConfig {
    fn from_env(env: &Env) -> Result<Self, EnvError> {
        let kind = env.parsed(
            "DESTINATION",
            "iterable, iterable_eu or http",
            DestinationKind::Iterable,
        )?;
        let iterable = |host: &str| -> Result<Self, EnvError> {
            let default = Url::parse(host).expect("a constant that is a URL");
            Ok(Self::Iterable {
                url: env.parsed("DESTINATION_URL", "the URL of Iterable's API", default)?,
                rates: IterableRates {
                    bulk: rate(env, "REQUESTS_PER_SECOND", DEFAULT_REQUESTS_PER_SECOND)?,
                    purchases: rate(env, "PURCHASES_PER_SECOND", DEFAULT_PURCHASES_PER_SECOND)?,
                },
            })
        };
        match kind {
            DestinationKind::Iterable => iterable(ITERABLE_US),
            DestinationKind::IterableEu => iterable(ITERABLE_EU),
            DestinationKind::Http => {
                let expected = "the URL that takes events";
                let absent = Url::parse("http://absent.invalid").expect("a constant that is a URL");
                env.required("DESTINATION_URL", expected)?;
                Ok(Self::Http {
                    url: env.parsed("DESTINATION_URL", expected, absent)?,
                    format: env.parsed("HTTP_FORMAT", "json or ndjson", BodyFormat::default())?,
                    limits: HttpLimits {
                        calls: env
                            .parsed("HTTP_MAX_EVENTS", "a number above 0", DEFAULT_HTTP_EVENTS)?
                            .get(),
                        body_bytes: env
                            .parsed("HTTP_MAX_BYTES", "a number above 0", DEFAULT_HTTP_BYTES)?
                            .get(),
                        requests_per_second: rate(
                            env,
                            "REQUESTS_PER_SECOND",
                            DEFAULT_REQUESTS_PER_SECOND,
                        )?,
                    },
                })
            }
        }
    }
}

fn run_settings(env: &Env) -> Result<RunSettings, EnvError> {
    let max_age_hours: u64 =
        env.parsed("MAX_EVENT_AGE_HOURS", "a number of hours, 0 for any age", 0)?;
    let retry_hours: u64 = env.parsed("UNKNOWN_USER_RETRY_HOURS", "a number of hours", 24)?;
    let retry_seconds: u64 = env.parsed("RETRY_SECONDS", "a number of seconds", 60)?;
    let timeout_ms: u64 = env.parsed("REQUEST_TIMEOUT_MS", "a number of milliseconds", 30_000)?;
    Ok(RunSettings {
        max_event_age: (max_age_hours > 0).then(|| hours(max_age_hours)),
        unknown_users: env.parsed(
            "UNKNOWN_USERS",
            "retry, create or drop",
            UnknownUsers::Retry,
        )?,
        unknown_user_retry_for: hours(retry_hours),
        request_timeout: Duration::from_millis(timeout_ms.max(1)),
        visibility: VisibilityBackoff::starting_with(Duration::from_secs(
            retry_seconds.clamp(1, 3_600),
        )),
    })
}

fn hours(count: u64) -> Duration {
    Duration::from_hours(count.min(MAX_HOURS))
}

/// A rate as a number; at least one request in ten seconds, at most a thousand a second.
fn rate(env: &Env, name: &'static str, default: f64) -> Result<f64, EnvError> {
    let rate = env.parsed(
        name,
        "a number of requests a second, from 0.1 to 1000",
        Rate(default),
    )?;
    Ok(rate.0)
}

#[derive(Clone, Copy, Debug)]
struct Rate(f64);

impl FromStr for Rate {
    type Err = BoxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rate: f64 = text.parse()?;
        if (0.1..=1_000.0).contains(&rate) {
            Ok(Self(rate))
        } else {
            Err("out of range".into())
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum DestinationKind {
    Iterable,
    IterableEu,
    Http,
}

impl FromStr for DestinationKind {
    type Err = BoxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "iterable" => Ok(Self::Iterable),
            "iterable_eu" => Ok(Self::IterableEu),
            "http" => Ok(Self::Http),
            _ => Err("no such destination".into()),
        }
    }
}

impl FromStr for UnknownUsers {
    type Err = BoxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "retry" => Ok(Self::Retry),
            "create" => Ok(Self::Create),
            "drop" => Ok(Self::Drop),
            _ => Err("no such policy".into()),
        }
    }
}

#[cfg(test)]
mod tests;
