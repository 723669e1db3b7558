//! Settings, and the dependencies made from them.

use std::time::{Duration, SystemTime};

use access_keys::{KeyCache, Networks};
use aws_io::Aws;
use function_kit::{Env, EnvError};

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name or ARN of the secret with the keys.
    pub secret_id: String,
    /// How long keys are cached.
    pub max_key_age: Duration,
    /// The networks from which SparkPost may request a token.
    pub sparkpost_networks: Networks,
}

impl Config {
    /// Reads the settings.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let max_key_age_seconds = env.parsed("KEYS_CACHE_SECONDS", "a number of seconds", 300)?;
        Ok(Self {
            sparkpost_networks: env.parsed(
                "SPARKPOST_ADDRESSES",
                Networks::FORM,
                Networks::default(),
            )?,
            secret_id: env.required("KEYS_SECRET_ARN", "the ARN of the secret with the keys")?,
            max_key_age: Duration::from_secs(max_key_age_seconds),
        })
    }
}

/// Dependencies of every invocation.
#[derive(Debug)]
pub struct Deps {
    /// The keys.
    pub keys: KeyCache,
    /// The networks from which SparkPost may request a token.
    pub sparkpost_networks: Networks,
    /// The clock.
    pub clock: fn() -> SystemTime,
}

impl Deps {
    /// Creates the client. Sends no request.
    pub async fn connect(config: Config, clock: fn() -> SystemTime) -> Self {
        let secrets = Aws::from_env().await.secrets();
        Self {
            keys: KeyCache::new(secrets, config.secret_id, config.max_key_age),
            sparkpost_networks: config.sparkpost_networks,
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
    fn networks_are_a_list_and_a_wrong_one_is_named() {
        let config = |networks| {
            let pairs = [
                ("KEYS_SECRET_ARN", "arn"),
                ("SPARKPOST_ADDRESSES", networks),
            ];
            Config::from_env(&Env::from_pairs(pairs))
        };

        let networks = config("203.0.113.0/24, 2001:db8::/32").unwrap();
        assert!(networks.sparkpost_networks.allow("2001:db8::1"));
        assert!(!networks.sparkpost_networks.allow("198.51.100.7"));
        assert!(config("").unwrap().sparkpost_networks.allow("198.51.100.7"));
        let error = config("203.0.113.0/24,anywhere").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("SPARKPOST_ADDRESSES is not valid")
        );
    }

    #[test]
    fn missing_secret_is_named() {
        let error = Config::from_env(&Env::from_pairs([("KEYS_CACHE_SECONDS", "5")])).unwrap_err();

        assert!(error.to_string().starts_with("KEYS_SECRET_ARN is not set"));
    }
}
