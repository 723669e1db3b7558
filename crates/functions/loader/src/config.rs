//! Settings, and the dependencies made from them.

use aws_io::{Aws, S3Client};
use erasure::TombstoneList;
use event_model::Pipeline;
use event_store::{CaCertificates, DatabaseConfig, Login, Store, StoreError};
use function_kit::{Env, EnvError, metrics::Metrics};
use secrecy::SecretString;
use sender_recipes::SenderList;
use time::OffsetDateTime;

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bucket to which rejections are written.
    pub bucket: String,
    /// The database.
    pub database_url: SecretString,
    /// How to authenticate to it.
    pub database_login: Login,
    /// `CloudWatch` namespace of the metrics.
    pub metrics_namespace: Option<String>,
    /// Certificate authorities to trust, in addition to the public ones and RDS's.
    pub database_ca: Option<CaCertificates>,
}

impl Config {
    /// Reads the settings.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            bucket: env.required("EVENTS_BUCKET", "the name of the events bucket")?,
            database_url: env.secret("DATABASE_URL", "postgres://user:password@host/database")?,
            database_login: env.parsed("DATABASE_LOGIN", "password or iam", Login::default())?,
            metrics_namespace: env.optional("METRICS_NAMESPACE")?,
            database_ca: env.parsed_if_set("DATABASE_CA", CA_FORM)?,
        })
    }
}

/// Dependencies of every invocation.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Bucket to which rejections are written.
    pub bucket: String,
    /// The client that reads objects and writes rejections.
    pub s3: S3Client,
    /// The erased people, whose items are left out.
    pub erased: TombstoneList,
    /// The senders of email events.
    pub senders: SenderList,
    /// The database.
    pub store: Store,
    /// Writes metrics.
    pub metrics: Metrics,
    /// The clock.
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
        let mut database = DatabaseConfig::new(config.database_url, "cistern-loader");
        database.login = config.database_login;
        database.ca = config.database_ca;
        let s3 = Aws::from_env().await.s3();
        Ok(Self {
            erased: TombstoneList::new(s3.clone(), config.bucket.clone()),
            senders: SenderList::new(s3.clone(), config.bucket.clone()),
            bucket: config.bucket,
            s3,
            store: Store::connect_lazy(&database)?,
            metrics: Metrics::stdout(Pipeline::EmailEvents, config.metrics_namespace.as_deref()),
            clock,
        })
    }
}

/// The expected form of `DATABASE_CA`.
const CA_FORM: &str =
    "certificates of authorities in PEM form, from -----BEGIN CERTIFICATE----- on";

#[cfg(test)]
mod tests {
    use function_kit::env::check_required;

    use super::*;

    #[test]
    fn settings_that_are_missing_are_named() {
        let names = ["EVENTS_BUCKET", "DATABASE_URL"];

        let checked = check_required(&names, include_str!("../README.md"), Config::from_env);
        assert_eq!(checked, Ok(()));
    }

    #[test]
    fn settings_that_are_wrong_are_named() {
        let right = [("EVENTS_BUCKET", "b"), ("DATABASE_URL", "postgres://h/d")];

        for wrong in [
            ("DATABASE_LOGIN", "kerberos"),
            ("DATABASE_CA", "/etc/ssl/ca.pem"),
        ] {
            let env = Env::from_pairs(right.into_iter().chain([wrong]));
            let error = Config::from_env(&env).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("{} is not valid", wrong.0))
            );
        }
    }
}
