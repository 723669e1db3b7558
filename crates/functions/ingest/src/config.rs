//! Settings, and the dependencies made from them.

use std::{num::ParseIntError, str::FromStr, sync::Arc, time::Duration};

use access_keys::{KeyCache, Networks};
use aws_io::{Aws, S3Client, gzip::MAX_BATCH_BYTES, sns::LocalEndpoint};
use event_model::Pipeline;
use function_kit::{Env, EnvError, metrics::Metrics};
use sender_recipes::SenderList;
use time::OffsetDateTime;

use crate::sns::Sns;

/// The value of `Retry-After`, for senders that respect it; SparkPost uses its own intervals.
pub(crate) const RETRY_AFTER_SECONDS: u32 = 30;

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bucket of the archive.
    pub bucket: String,
    /// Name or ARN of the secret with the keys.
    pub secret_id: String,
    /// How long keys are cached.
    pub max_key_age: Duration,
    /// The networks from which SparkPost may post.
    pub networks: Networks,
    /// The largest accepted body, as transferred.
    pub max_body_bytes: usize,
    /// The time limit for storing one body, all attempts together.
    pub store_deadline: Duration,
    /// `CloudWatch` namespace of the metrics.
    pub metrics_namespace: Option<String>,
    /// What stands in for SNS on this machine. The template does not set it, and an address elsewhere is refused.
    pub local_sns: Option<LocalEndpoint>,
}

impl Config {
    /// Reads the settings.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let BodyLimit(max_body_bytes) = env.parsed(
            "MAX_BODY_BYTES",
            "a number of bytes from 1 to 33554432",
            BodyLimit::default(),
        )?;
        let store_deadline_ms =
            env.parsed("STORE_DEADLINE_MS", "a number of milliseconds", 8_000)?;
        let max_key_age_seconds = env.parsed("KEYS_CACHE_SECONDS", "a number of seconds", 300)?;
        Ok(Self {
            secret_id: env.required("KEYS_SECRET_ARN", "the ARN of the secret with the keys")?,
            max_key_age: Duration::from_secs(max_key_age_seconds),
            networks: env.parsed("SPARKPOST_ADDRESSES", Networks::FORM, Networks::default())?,
            bucket: env.required("EVENTS_BUCKET", "the name of the events bucket")?,
            max_body_bytes,
            store_deadline: Duration::from_millis(store_deadline_ms),
            metrics_namespace: env.optional("METRICS_NAMESPACE")?,
            local_sns: env.parsed_if_set(
                "AWS_ENDPOINT_URL_SNS",
                "http:// and an address of this machine",
            )?,
        })
    }
}

/// Dependencies of every request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The settings.
    pub config: Config,
    /// The archive's client.
    pub s3: S3Client,
    /// The senders of email events.
    pub senders: SenderList,
    /// The accepted keys.
    pub keys: Arc<KeyCache>,
    /// SNS, for senders that post by it.
    pub sns: Arc<Sns>,
    /// Writes metrics.
    pub metrics: Metrics,
    /// The clock.
    pub clock: fn() -> OffsetDateTime,
}

impl Deps {
    /// Creates the clients. Sends no request.
    pub async fn connect(config: Config, clock: fn() -> OffsetDateTime) -> Self {
        let aws = Aws::from_env().await;
        let keys = KeyCache::new(aws.secrets(), config.secret_id.clone(), config.max_key_age);
        Self {
            metrics: Metrics::stdout(Pipeline::EmailEvents, config.metrics_namespace.as_deref()),
            senders: SenderList::new(aws.s3(), config.bucket.clone()),
            sns: Arc::new(Sns::new(config.local_sns)),
            config,
            s3: aws.s3(),
            keys: Arc::new(keys),
            clock,
        }
    }
}

/// The loader must be able to read it too.
#[derive(Debug)]
struct BodyLimit(usize);

impl Default for BodyLimit {
    fn default() -> Self {
        Self(6 << 20)
    }
}

impl FromStr for BodyLimit {
    type Err = function_kit::BoxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.parse().map_err(|error: ParseIntError| error)?;
        if (1..=MAX_BATCH_BYTES).contains(&bytes) {
            Ok(Self(bytes))
        } else {
            Err("out of range".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: [(&str, &str); 2] = [("EVENTS_BUCKET", "b"), ("KEYS_SECRET_ARN", "arn")];

    fn with(name: &'static str, value: &'static str) -> Result<Config, EnvError> {
        Config::from_env(&Env::from_pairs(
            REQUIRED.into_iter().chain([(name, value)]),
        ))
    }

    #[test]
    fn defaults_are_those_of_the_readme() {
        let config = Config::from_env(&Env::from_pairs(REQUIRED)).unwrap();

        assert_eq!(
            (config.bucket.as_str(), config.secret_id.as_str()),
            ("b", "arn")
        );
        let readme = include_str!("../README.md");
        assert!(readme.contains(&format!(
            "| `KEYS_CACHE_SECONDS` | `{}` |",
            config.max_key_age.as_secs()
        )));
        assert!(readme.contains(&format!(
            "| `MAX_BODY_BYTES` | `{}` |",
            config.max_body_bytes
        )));
        assert!(readme.contains(&format!(
            "| `STORE_DEADLINE_MS` | `{}` |",
            config.store_deadline.as_millis()
        )));
    }

    #[test]
    fn wrong_settings_are_named() {
        for (given, missing) in [
            (REQUIRED[0], "KEYS_SECRET_ARN"),
            (REQUIRED[1], "EVENTS_BUCKET"),
        ] {
            let error = Config::from_env(&Env::from_pairs([given])).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("{missing} is not set"))
            );
        }

        for (name, value) in [
            ("MAX_BODY_BYTES", "0"),
            ("MAX_BODY_BYTES", "33554433"),
            ("MAX_BODY_BYTES", "6MB"),
            ("SPARKPOST_ADDRESSES", "203.0.113.0/24,anywhere"),
            ("KEYS_CACHE_SECONDS", "5m"),
        ] {
            let error = with(name, value).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{name} is not valid")),
                "{error}"
            );
        }
    }

    #[test]
    fn networks_are_a_list_and_none_by_default() {
        let networks = with("SPARKPOST_ADDRESSES", "203.0.113.0/24, 2001:db8::/32").unwrap();
        assert!(!networks.networks.allow("198.51.100.7"));
        assert!(
            with("SPARKPOST_ADDRESSES", "")
                .unwrap()
                .networks
                .allow("198.51.100.7")
        );
    }
}
