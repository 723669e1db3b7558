//! Settings and clients.

use std::{str::FromStr, sync::Arc, time::Duration};

use access_keys::KeyCache;
use aws_io::{Aws, FirehoseClient};
use axum::http::HeaderValue;
use event_model::Pipeline;
use function_kit::{BoxError, Env, EnvError, metrics::Metrics};
use time::OffsetDateTime;
use tower_http::cors::AllowOrigin;
use uuid::Uuid;

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// The Firehose stream's name.
    pub stream: String,
    /// Name or ARN of the secret that holds the keys.
    pub secret_id: String,
    /// How long keys are cached.
    pub max_key_age: Duration,
    /// The origins whose pages may post.
    pub allowed_origins: AllowOrigin,
    /// The largest accepted body, as it is transferred.
    pub max_body_bytes: usize,
    /// Time for all attempts to put one request's events into Firehose.
    pub put_deadline: Duration,
    /// `CloudWatch` namespace of the metrics.
    pub metrics_namespace: Option<String>,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        const MILLISECONDS: &str = "a number of milliseconds";
        let Origins(allowed_origins) = env.parsed(
            "ALLOWED_ORIGINS",
            "origins separated by commas, such as https://example.com, or *",
            Origins(AllowOrigin::any()),
        )?;
        let max_key_age_seconds = env.parsed("KEYS_CACHE_SECONDS", "a number of seconds", 300)?;
        Ok(Self {
            stream: env.required("DELIVERY_STREAM", "the name of the Firehose stream")?,
            secret_id: env.required("KEYS_SECRET_ARN", "the ARN of the secret with the keys")?,
            max_key_age: Duration::from_secs(max_key_age_seconds),
            allowed_origins,
            metrics_namespace: env.optional("METRICS_NAMESPACE")?,
            max_body_bytes: env.parsed("MAX_BODY_BYTES", "a number of bytes", 6 << 20)?,
            put_deadline: Duration::from_millis(env.parsed(
                "PUT_DEADLINE_MS",
                MILLISECONDS,
                8_000,
            )?),
        })
    }
}

/// Dependencies of every request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The settings.
    pub config: Config,
    /// Firehose.
    pub firehose: FirehoseClient,
    /// The accepted keys.
    pub keys: Arc<KeyCache>,
    /// Writes metrics.
    pub metrics: Metrics,
    /// The current time.
    pub clock: fn() -> OffsetDateTime,
    /// A new unique id.
    pub new_id: fn() -> Uuid,
}

impl Deps {
    /// Creates the clients. Sends no request.
    pub async fn connect(
        config: Config,
        clock: fn() -> OffsetDateTime,
        new_id: fn() -> Uuid,
    ) -> Self {
        let aws = Aws::from_env().await;
        let keys = KeyCache::new(aws.secrets(), config.secret_id.clone(), config.max_key_age);
        Self {
            firehose: aws.firehose(),
            keys: Arc::new(keys),
            metrics: Metrics::stdout(Pipeline::ProductEvents, config.metrics_namespace.as_deref()),
            clock,
            new_id,
            config,
        }
    }
}

struct Origins(AllowOrigin);

impl FromStr for Origins {
    type Err = BoxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self(AllowOrigin::any()));
        }
        let origin = |origin: &str| match origin.split_once("://") {
            Some((_, host)) if !host.is_empty() && !host.contains(['/', '*']) => {
                Ok(HeaderValue::from_str(origin)?)
            }
            _ => Err(BoxError::from("not an origin")),
        };
        let origins: Result<Vec<_>, _> = text.split(',').map(str::trim).map(origin).collect();
        Ok(Self(AllowOrigin::list(origins?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: [(&str, &str); 2] = [("DELIVERY_STREAM", "s"), ("KEYS_SECRET_ARN", "arn")];

    #[test]
    fn defaults_are_those_of_the_readme() {
        let config = Config::from_env(&Env::from_pairs(REQUIRED)).unwrap();

        let readme = include_str!("../README.md");
        for (name, default) in [
            (
                "KEYS_CACHE_SECONDS",
                config.max_key_age.as_secs().to_string(),
            ),
            ("MAX_BODY_BYTES", config.max_body_bytes.to_string()),
            (
                "PUT_DEADLINE_MS",
                config.put_deadline.as_millis().to_string(),
            ),
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
            ("ALLOWED_ORIGINS", "example.com"),
            ("ALLOWED_ORIGINS", "https://*.example.com"),
            ("ALLOWED_ORIGINS", "https://a.example, "),
            ("PUT_DEADLINE_MS", "8s"),
        ] {
            let env = Env::from_pairs(REQUIRED.into_iter().chain([(name, value)]));
            let error = Config::from_env(&env).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("{name} is not valid")),
                "{error}"
            );
        }
        let env = Env::from_pairs([("KEYS_SECRET_ARN", "arn")]);
        let error = Config::from_env(&env).unwrap_err();
        assert!(error.to_string().starts_with("DELIVERY_STREAM is not set"));
    }
}
