//! Settings, and the dependencies made from them.

use std::{num::ParseIntError, str::FromStr, sync::Arc, time::Duration};

use custom_resource::Responder;
use event_store::{
    CaCertificates, DatabaseConfig, Login, Maintenance, Merging, MetadataKey, Store, StoreError,
};
use function_kit::{BoxError, Env, EnvError};
use secrecy::SecretString;
use time::OffsetDateTime;

/// How long to wait for a database that is starting.
const DATABASE_RETRY_FOR: Duration = Duration::from_secs(90);
/// The id of the custom resource for the schema.
const RESOURCE_ID: &str = "cistern-database-schema";

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// The database.
    pub database_url: SecretString,
    /// How to authenticate to it.
    pub database_login: Login,
    /// Certificate authorities to trust, in addition to the public ones and RDS's.
    pub database_ca: Option<CaCertificates>,
    /// How long events are kept; `None` keeps them forever.
    pub retention: Option<Duration>,
    /// How many weeks have a partition in advance.
    pub partitions_ahead: u32,
    /// The metadata keys with an index.
    pub metadata_keys: Vec<MetadataKey>,
}

/// Dependencies of every invocation.
#[derive(Debug)]
pub struct Deps {
    /// Responds to CloudFormation.
    pub(crate) responder: Responder,
    /// The database, if the settings are valid. If not, the error is reported to CloudFormation, which would otherwise
    /// wait an hour for the response of a function that did not start.
    pub(crate) database: Result<Database, Arc<ConfigError>>,
    /// The clock.
    pub(crate) clock: fn() -> OffsetDateTime,
}

/// The database and its desired state.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) store: Store,
    config: Config,
}

/// The occasion of maintenance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// A deployment. It may be rolled back for any reason, so nothing may be removed that the previous version needs.
    Deploy,
    /// By the schedule.
    Nightly,
}

/// Why the settings are unusable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A setting is missing or invalid.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The database's URL is invalid.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Config {
    /// Reads the settings.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let Days(retention) = env.parsed(
            "RETENTION_DAYS",
            "a number of days, 0 to keep events for ever",
            Days(None),
        )?;
        let Weeks(partitions_ahead) = env.parsed(
            "PARTITIONS_AHEAD_WEEKS",
            "a number of weeks from 0 to 8",
            Weeks(4),
        )?;
        let Keys(metadata_keys) = env.parsed(
            "METADATA_KEYS",
            "metadata keys separated by commas, each of at most 40 letters, digits, _, . and -",
            Keys(Vec::new()),
        )?;
        Ok(Self {
            database_url: env.secret("DATABASE_URL", "postgres://user:password@host/database")?,
            database_login: env.parsed("DATABASE_LOGIN", "password or iam", Login::default())?,
            database_ca: env.parsed_if_set("DATABASE_CA", CA_FORM)?,
            retention,
            partitions_ahead,
            metadata_keys,
        })
    }
}

impl Deps {
    /// Reads the settings and creates the clients. Sends no request.
    ///
    /// # Errors
    /// Only if there can be no HTTP client. Invalid settings are reported when the function is invoked.
    pub fn from_env(env: &Env, clock: fn() -> OffsetDateTime) -> Result<Self, BoxError> {
        Ok(Self {
            responder: Responder::new(RESOURCE_ID)?,
            database: Database::from_env(env).map_err(Arc::new),
            clock,
        })
    }
}

impl Database {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let config = Config::from_env(env)?;
        let store = Store::connect_lazy(&settings(&config, config.database_login.clone()))?;
        Ok(Self { store, config })
    }

    /// The same database as another user.
    pub(crate) fn store_as(&self, login: Login) -> Result<Store, StoreError> {
        Store::connect_lazy(&settings(&self.config, login))
    }

    /// The metadata keys that should have an index.
    pub(crate) fn metadata_keys(&self) -> &[MetadataKey] {
        &self.config.metadata_keys
    }

    /// The desired state at a time.
    pub(crate) fn maintenance(&self, now: OffsetDateTime, occasion: Occasion) -> Maintenance {
        Maintenance {
            now,
            retention: self.config.retention,
            partitions_ahead: self.config.partitions_ahead,
            metadata_keys: self.config.metadata_keys.clone(),
            removes: match occasion {
                Occasion::Deploy => false,
                Occasion::Nightly => true,
            },
        }
    }

    /// What may be merged at a time, and the time limit.
    pub(crate) fn merging(&self, now: OffsetDateTime, time: Duration) -> Merging {
        Merging {
            now,
            retention: self.config.retention,
            time,
        }
    }
}

fn settings(config: &Config, login: Login) -> DatabaseConfig {
    let mut settings = DatabaseConfig::new(config.database_url.clone(), "cistern-migrator");
    settings.retry_for = DATABASE_RETRY_FOR;
    settings.login = login;
    settings.ca.clone_from(&config.database_ca);
    settings
}

struct Days(Option<Duration>);

impl FromStr for Days {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let days: u32 = text.parse()?;
        let retention = Duration::from_hours(u64::from(days) * 24);
        Ok(Self((days > 0).then_some(retention)))
    }
}

struct Weeks(u32);

impl FromStr for Weeks {
    type Err = function_kit::BoxError;

    fn from_str(text: &str) -> Result<Self, function_kit::BoxError> {
        let weeks: u32 = text.parse()?;
        if weeks > 8 {
            return Err("more than 8".into());
        }
        Ok(Self(weeks))
    }
}

struct Keys(Vec<MetadataKey>);

impl FromStr for Keys {
    type Err = event_store::MetadataKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        Ok(Self(names.map(str::parse).collect::<Result<_, _>>()?))
    }
}

/// The expected form of `DATABASE_CA`.
const CA_FORM: &str =
    "certificates of authorities in PEM form, from -----BEGIN CERTIFICATE----- on";

#[cfg(test)]
mod tests {
    use super::*;

    const URL: (&str, &str) = ("DATABASE_URL", "postgres://u:planted@localhost/d");

    fn config(pairs: &[(&str, &str)]) -> Result<Config, EnvError> {
        Config::from_env(&Env::from_pairs(pairs.iter().copied().chain([URL])))
    }

    #[test]
    fn defaults_keep_events_for_ever() {
        let config = config(&[]).unwrap();

        assert_eq!(config.retention, None);
        assert_eq!(config.partitions_ahead, 4);
        assert!(config.metadata_keys.is_empty());
        assert!(!format!("{config:?}").contains("planted"));
    }

    #[test]
    fn settings_are_read() {
        let config = config(&[
            ("RETENTION_DAYS", "30"),
            ("PARTITIONS_AHEAD_WEEKS", "0"),
            ("METADATA_KEYS", "user_id, Order-Id,"),
        ])
        .unwrap();

        assert_eq!(config.retention, Some(Duration::from_hours(720)));
        assert_eq!(config.partitions_ahead, 0);
        let names: Vec<_> = config
            .metadata_keys
            .iter()
            .map(MetadataKey::as_str)
            .collect();
        assert_eq!(names, ["user_id", "Order-Id"]);
        assert_eq!(
            super::tests::config(&[("RETENTION_DAYS", "0")])
                .unwrap()
                .retention,
            None
        );
    }

    #[test]
    fn wrong_settings_are_named() {
        for (name, value) in [
            ("RETENTION_DAYS", "-1"),
            ("RETENTION_DAYS", "a month"),
            ("DATABASE_LOGIN", "kerberos"),
            ("DATABASE_CA", "/etc/ssl/ca.pem"),
            ("PARTITIONS_AHEAD_WEEKS", "9"),
            ("METADATA_KEYS", "user_id,x'y"),
        ] {
            let error = config(&[(name, value)]).unwrap_err();

            assert!(error.to_string().starts_with(name), "{error}");
        }
        let error = Config::from_env(&Env::from_pairs::<&str, &str>([])).unwrap_err();
        assert!(error.to_string().starts_with("DATABASE_URL is not set"));
    }

    #[test]
    fn readme_has_every_setting() {
        let readme = include_str!("../README.md");

        for name in [
            "DATABASE_URL",
            "DATABASE_LOGIN",
            "DATABASE_CA",
            "RETENTION_DAYS",
            "PARTITIONS_AHEAD_WEEKS",
            "METADATA_KEYS",
        ] {
            assert!(readme.contains(&format!("| `{name}` |")), "{name}");
        }
    }
}
