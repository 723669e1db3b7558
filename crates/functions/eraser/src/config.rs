//! Settings and clients.

use std::time::Duration;

use aws_io::{Aws, S3Client};
use erasure::TombstoneList;
use event_store::{CaCertificates, DatabaseConfig, Login, Store, StoreError};
use function_kit::{Env, EnvError};
use secrecy::SecretString;
use sender_recipes::SenderList;
use time::OffsetDateTime;

/// A statement looks through the events of one day.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(4);
/// The expected form of `DATABASE_CA`.
const CA_FORM: &str =
    "certificates of authorities in PEM form, from -----BEGIN CERTIFICATE----- on";

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// The stack's bucket.
    pub bucket: String,
    /// The database of email events, in stacks that have one.
    pub database_url: Option<SecretString>,
    /// How to authenticate to it.
    pub database_login: Login,
    /// Certificate authorities to trust, in addition to the public ones and RDS's.
    pub database_ca: Option<CaCertificates>,
    /// How long to wait until no function works without the new names, and none holds what was read before.
    pub wait: Duration,
    /// Memory for one column of a file of the lake, in bytes.
    pub column_bytes: usize,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let wait_seconds: u32 = env.parsed("WAIT_SECONDS", "a number of seconds", 1020)?;
        let memory_mib: usize =
            env.parsed("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "a number of MiB", 2048)?;
        let database_url = env.optional("DATABASE_URL")?;
        Ok(Self {
            bucket: env.required("EVENTS_BUCKET", "the name of the events bucket")?,
            database_url: database_url.map(SecretString::from),
            database_login: env.parsed("DATABASE_LOGIN", "password or iam", Login::default())?,
            database_ca: env.parsed_if_set("DATABASE_CA", CA_FORM)?,
            wait: Duration::from_secs(wait_seconds.into()),
            column_bytes: (memory_mib << 20) / 8,
        })
    }
}

/// What every invocation needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The settings.
    pub config: Config,
    /// The bucket's client.
    pub s3: S3Client,
    /// The database of email events.
    pub store: Option<Store>,
    /// Everybody who is erased.
    pub erased: TombstoneList,
    /// The senders of email events.
    pub senders: SenderList,
    /// The current time.
    pub clock: fn() -> OffsetDateTime,
}

impl Deps {
    /// Creates the clients. Sends no request.
    ///
    /// # Errors
    /// When the database's URL is invalid.
    pub async fn connect(
        config: Config,
        clock: fn() -> OffsetDateTime,
    ) -> Result<Self, StoreError> {
        Self::with(config, Aws::from_env().await.s3(), clock)
    }

    /// As [`Deps::connect`], with this client of the bucket.
    ///
    /// # Errors
    /// When the database's URL is invalid.
    pub fn with(
        config: Config,
        s3: S3Client,
        clock: fn() -> OffsetDateTime,
    ) -> Result<Self, StoreError> {
        let store = config.database_url.as_ref().map(|url| {
            let mut database = DatabaseConfig::new(url.clone(), "cistern-eraser");
            database.login = config.database_login.clone();
            database.ca.clone_from(&config.database_ca);
            database.statement_timeout = STATEMENT_TIMEOUT;
            Store::connect_lazy(&database)
        });
        Ok(Self {
            store: store.transpose()?,
            erased: TombstoneList::new(s3.clone(), config.bucket.clone()),
            senders: SenderList::new(s3.clone(), config.bucket.clone()),
            config,
            s3,
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
        let readme = include_str!("../README.md");

        let checked = check_required(&["EVENTS_BUCKET"], readme, Config::from_env);
        assert_eq!(checked, Ok(()));
        let config = Config::from_env(&Env::from_pairs([("EVENTS_BUCKET", "b")])).unwrap();
        let seconds = config.wait.as_secs();
        assert!(readme.contains(&format!("| `WAIT_SECONDS` | `{seconds}` |")));
    }

    #[test]
    fn an_erasure_waits_for_longer_than_any_list_is_used() {
        const LONGEST_INVOCATION: Duration = Duration::from_mins(15);
        let config = Config::from_env(&Env::from_pairs([("EVENTS_BUCKET", "b")])).unwrap();

        assert!(config.wait >= TombstoneList::MAX_AGE + LONGEST_INVOCATION);
    }
}
