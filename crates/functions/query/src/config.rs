//! Settings, and the state built from them.

use std::{num::ParseIntError, str::FromStr, sync::Arc, time::Duration};

use event_query::IndexedKeys;
use event_store::{
    CaCertificates, DatabaseConfig, FreeSql, Login, MetadataKey, MetadataKeyError, Planning, Store,
    StoreError,
};
use function_kit::{BoxError, Env, EnvError};
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::RejectedObjects;

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// The database to search.
    pub database_url: SecretString,
    /// How to authenticate to it.
    pub database_login: Login,
    /// Certificate authorities to trust, in addition to the public ones and RDS's.
    pub database_ca: Option<CaCertificates>,
    /// How long Postgres may work on one statement.
    pub statement_timeout: Duration,
    /// The metadata keys that the migrator keeps indexes on.
    pub metadata_keys: Vec<MetadataKey>,
    /// The bucket whose rejected items are listed beside those of the database.
    pub events_bucket: Option<String>,
    /// The database as callers' own statements see it; without it there is no route for them.
    pub sql_database_url: Option<SecretString>,
}

impl Config {
    /// Reads the settings.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let StatementTimeout(statement_timeout) = env.parsed(
            "STATEMENT_TIMEOUT_MS",
            "a number of milliseconds from 1 to 25000",
            StatementTimeout::default(),
        )?;
        let MetadataKeys(metadata_keys) = env.parsed(
            "METADATA_KEYS",
            "metadata keys of letters, digits, _ and -, separated by commas",
            MetadataKeys::default(),
        )?;
        Ok(Self {
            database_url: env.secret(
                "DATABASE_URL",
                "postgres://user:password@host:port/database",
            )?,
            database_login: env.parsed("DATABASE_LOGIN", "password or iam", Login::default())?,
            database_ca: env.parsed_if_set("DATABASE_CA", CA_FORM)?,
            statement_timeout,
            metadata_keys,
            events_bucket: env.optional("EVENTS_BUCKET")?,
            sql_database_url: env.optional("SQL_DATABASE_URL")?.map(SecretString::from),
        })
    }
}

/// What every request needs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The database.
    pub store: Store,
    /// The metadata keys that searches may filter on.
    pub indexed_keys: Arc<IndexedKeys>,
    /// The rejected items in S3, if they may be read.
    pub rejected_objects: Option<RejectedObjects>,
    /// Where callers' own statements run, if they may.
    pub free_sql: Option<FreeSql>,
    /// What time it is.
    pub clock: fn() -> OffsetDateTime,
}

impl Deps {
    /// Prepares the store. Opens no connection.
    pub fn connect(config: Config, clock: fn() -> OffsetDateTime) -> Result<Self, StoreError> {
        let free_sql = config
            .sql_database_url
            .as_ref()
            .map(|url| {
                let mut database = DatabaseConfig::new(url.clone(), "cistern sql");
                database.login = config.database_login.clone();
                database.ca.clone_from(&config.database_ca);
                database.statement_timeout = crate::sql::STATEMENT_TIMEOUT;
                database.connect_timeout = CONNECT_TIMEOUT;
                FreeSql::connect_lazy(&database)
            })
            .transpose()?;
        let mut database = DatabaseConfig::new(config.database_url, "cistern query");
        database.login = config.database_login;
        database.ca = config.database_ca;
        database.statement_timeout = config.statement_timeout;
        database.connect_timeout = CONNECT_TIMEOUT;
        database.retry_for = RETRY_FOR;
        database.planning = Planning::EachRun;
        let store = Store::connect_lazy(&database)?;
        let keys = config.metadata_keys.iter().map(ToString::to_string);
        let indexed_keys = Arc::new(IndexedKeys::new(keys));
        Ok(Self {
            store,
            indexed_keys,
            free_sql,
            rejected_objects: config.events_bucket.map(RejectedObjects::new),
            clock,
        })
    }
}

/// A caller waits, so a database that cannot be reached within this time counts as unavailable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Long enough to replace a pooled connection that died unnoticed, and to outlast the first refusals of a failover.
const RETRY_FOR: Duration = Duration::from_secs(5);

/// Shorter than the time of a whole request.
#[derive(Debug)]
struct StatementTimeout(Duration);

impl Default for StatementTimeout {
    fn default() -> Self {
        Self(Duration::from_secs(20))
    }
}

impl FromStr for StatementTimeout {
    type Err = BoxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let timeout = text
            .parse()
            .map(Duration::from_millis)
            .map_err(|error: ParseIntError| error)?;

        if (Duration::from_millis(1)..=crate::search::REQUEST_DEADLINE).contains(&timeout) {
            Ok(Self(timeout))
        } else {
            Err("out of range".into())
        }
    }
}

/// The list in the form of one variable.
#[derive(Debug, Default)]
struct MetadataKeys(Vec<MetadataKey>);

impl FromStr for MetadataKeys {
    type Err = MetadataKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let keys = text.split(',').map(str::trim).filter(|key| !key.is_empty());
        keys.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// The expected form of `DATABASE_CA`.
const CA_FORM: &str =
    "certificates of authorities in PEM form, from -----BEGIN CERTIFICATE----- on";

#[cfg(test)]
mod tests {
    use super::*;

    const URL: (&str, &str) = (
        "DATABASE_URL",
        "postgres://someone:planted@localhost/events",
    );

    #[test]
    fn defaults_are_those_of_the_readme() {
        let config = Config::from_env(&Env::from_pairs([URL])).unwrap();

        let row = format!(
            "| `STATEMENT_TIMEOUT_MS` | `{}` |",
            config.statement_timeout.as_millis()
        );
        assert!(include_str!("../README.md").contains(&row));
        assert!(!format!("{config:?}").contains("planted"));
    }

    #[test]
    fn metadata_keys_are_a_list() {
        let env = Env::from_pairs([URL, ("METADATA_KEYS", " user_id, order-id,,")]);

        let keys = Config::from_env(&env).unwrap().metadata_keys;

        assert_eq!(
            keys.iter().map(MetadataKey::as_str).collect::<Vec<_>>(),
            ["user_id", "order-id"]
        );
    }

    #[test]
    fn wrong_settings_are_named() {
        let missing =
            Config::from_env(&Env::from_pairs([("STATEMENT_TIMEOUT_MS", "1")])).unwrap_err();
        assert!(missing.to_string().starts_with("DATABASE_URL is not set"));

        let keys = Env::from_pairs([URL, ("METADATA_KEYS", "user_id,a b")]);
        let wrong = Config::from_env(&keys).unwrap_err();
        assert!(wrong.to_string().starts_with("METADATA_KEYS is not valid"));

        let ca = Env::from_pairs([URL, ("DATABASE_CA", "/etc/ssl/ca.pem")]);
        let wrong = Config::from_env(&ca).unwrap_err();
        assert!(wrong.to_string().starts_with("DATABASE_CA is not valid"));

        for timeout in ["0", "25001", "-1", "20s"] {
            let env = Env::from_pairs([URL, ("STATEMENT_TIMEOUT_MS", timeout)]);
            let wrong = Config::from_env(&env).unwrap_err();
            assert!(
                wrong
                    .to_string()
                    .starts_with("STATEMENT_TIMEOUT_MS is not valid"),
                "{timeout}"
            );
        }
    }
}
