//! What the function is told, and what it works with.

use std::{num::ParseIntError, str::FromStr, time::Duration};

use aws_io::{Aws, S3Client, gzip::MAX_BATCH_BYTES};
use boot::{
    Env, EnvError,
    metrics::{Metrics, Pipeline},
};
use time::OffsetDateTime;

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bucket of the archive.
    pub bucket: String,
    /// Largest body taken, as it travels.
    pub max_body_bytes: usize,
    /// Time for all attempts to store one body.
    pub store_deadline: Duration,
    /// `CloudWatch` namespace of the numbers.
    pub metrics_namespace: Option<String>,
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
        Ok(Self {
            bucket: env.required("EVENTS_BUCKET", "the name of the events bucket")?,
            max_body_bytes,
            store_deadline: Duration::from_millis(store_deadline_ms),
            metrics_namespace: env.optional("METRICS_NAMESPACE")?,
        })
    }
}

/// What every request needs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The settings.
    pub config: Config,
    /// The archive's client.
    pub s3: S3Client,
    /// Where numbers go.
    pub metrics: Metrics,
    /// What time it is.
    pub clock: fn() -> OffsetDateTime,
}

impl Deps {
    /// Makes the clients. Reaches nothing yet.
    pub async fn connect(config: Config, clock: fn() -> OffsetDateTime) -> Self {
        let s3 = Aws::from_env().await.s3();
        Self {
            metrics: Metrics::stdout(Pipeline::Sparkpost, config.metrics_namespace.as_deref()),
            config,
            s3,
            clock,
        }
    }
}

/// A body must also fit through the loader.
#[derive(Debug)]
struct BodyLimit(usize);

impl Default for BodyLimit {
    fn default() -> Self {
        Self(6 << 20)
    }
}

impl FromStr for BodyLimit {
    type Err = boot::BoxError;

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

    #[test]
    fn defaults_are_those_of_the_readme() {
        let config = Config::from_env(&Env::from_pairs([("EVENTS_BUCKET", "b")])).unwrap();

        assert_eq!(config.bucket, "b");
        let readme = include_str!("../README.md");
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
        let missing = Config::from_env(&Env::from_pairs([("STORE_DEADLINE_MS", "1")])).unwrap_err();
        assert!(missing.to_string().starts_with("EVENTS_BUCKET is not set"));

        for limit in ["0", "33554433", "6MB"] {
            let env = Env::from_pairs([("EVENTS_BUCKET", "b"), ("MAX_BODY_BYTES", limit)]);
            assert!(
                Config::from_env(&env)
                    .unwrap_err()
                    .to_string()
                    .starts_with("MAX_BODY_BYTES is not valid")
            );
        }
    }
}
