//! What the function is told, and what it works with.

use std::time::{Duration, SystemTime};

use aws_io::Aws;
use boot::{Env, EnvError};

use crate::KeyCache;

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name or ARN of the secret that holds the keys.
    pub secret_id: String,
    /// How long keys are used before they are read again.
    pub max_key_age: Duration,
}

impl Config {
    /// Reads the settings.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let max_key_age_seconds = env.parsed("KEYS_CACHE_SECONDS", "a number of seconds", 300)?;
        Ok(Self {
            secret_id: env.required("KEYS_SECRET_ARN", "the ARN of the secret with the keys")?,
            max_key_age: Duration::from_secs(max_key_age_seconds),
        })
    }
}

/// What every question needs.
#[derive(Debug)]
pub struct Deps {
    /// The keys.
    pub keys: KeyCache,
    /// What time it is.
    pub clock: fn() -> SystemTime,
}

impl Deps {
    /// Makes the client. Reaches nothing yet.
    pub async fn connect(config: Config, clock: fn() -> SystemTime) -> Self {
        let secrets = Aws::from_env().await.secrets();
        Self {
            keys: KeyCache::new(secrets, config.secret_id, config.max_key_age),
            clock,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_readme() {
        let config = Config::from_env(&Env::from_pairs([("KEYS_SECRET_ARN", "arn")])).unwrap();

        assert_eq!(config.secret_id, "arn");
        let row = format!(
            "| `KEYS_CACHE_SECONDS` | `{}` |",
            config.max_key_age.as_secs()
        );
        assert!(include_str!("../README.md").contains(&row));
    }

    #[test]
    fn missing_secret_is_named() {
        let error = Config::from_env(&Env::from_pairs([("KEYS_CACHE_SECONDS", "5")])).unwrap_err();

        assert!(error.to_string().starts_with("KEYS_SECRET_ARN is not set"));
    }
}
