//! Settings and clients.

use std::time::{Duration, SystemTime};

use aws_io::{Aws, SecretsClient};
use function_kit::{Env, EnvError};
use reqwest::Client;

/// Timeout of a request; the gateway times out after 30 s.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name or ARN of the secret with the keys.
    pub secret_id: String,
    /// URL to which batches are posted.
    pub webhook_url: String,
    /// URL of the event search.
    pub query_url: String,
    /// How long the search may take to find the event.
    pub timeout: Duration,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let timeout = env.parsed("TIMEOUT_SECONDS", "a number of seconds", 90)?;
        Ok(Self {
            secret_id: env.required("KEYS_SECRET_ARN", "the ARN of the secret with the keys")?,
            webhook_url: env.required("WEBHOOK_URL", "the URL of the SparkPost webhook")?,
            query_url: env.required("QUERY_URL", "the URL of the search for events")?,
            timeout: Duration::from_secs(timeout),
        })
    }
}

/// Dependencies of every run.
#[derive(Clone, Debug)]
pub struct Deps {
    pub(crate) config: Config,
    pub(crate) secrets: SecretsClient,
    pub(crate) http: Client,
    pub(crate) clock: fn() -> SystemTime,
}

impl Deps {
    /// Creates the clients. Sends no request.
    ///
    /// # Errors
    /// The HTTP client cannot be created.
    pub async fn connect(
        config: Config,
        clock: fn() -> SystemTime,
    ) -> Result<Self, reqwest::Error> {
        Self::with(config, &Aws::from_env().await, clock)
    }

    /// As [`Deps::connect`], with the AWS configuration of `aws`.
    ///
    /// # Errors
    /// The HTTP client cannot be created.
    pub fn with(
        config: Config,
        aws: &Aws,
        clock: fn() -> SystemTime,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            config,
            secrets: aws.secrets(),
            http: Client::builder().timeout(REQUEST_LIMIT).build()?,
            clock,
        })
    }
}

#[cfg(test)]
mod tests {
    use function_kit::env::check_required;

    use super::*;

    #[test]
    fn settings_are_those_of_the_readme() {
        let names = ["KEYS_SECRET_ARN", "WEBHOOK_URL", "QUERY_URL"];
        let readme = include_str!("../README.md");

        let checked = check_required(&names, readme, Config::from_env);
        assert_eq!(checked, Ok(()));
        let config = Config::from_env(&Env::from_pairs(names.map(|name| (name, "x")))).unwrap();
        let seconds = config.timeout.as_secs();
        assert!(readme.contains(&format!("| `TIMEOUT_SECONDS` | `{seconds}` |")));
    }
}
