//! What the function is told, and what it works with.

use aws_io::{Aws, S3Client};
use event_model::Pipeline;
use event_store::{CaCertificates, DatabaseConfig, Login, Store, StoreError};
use function_kit::{Env, EnvError, metrics::Metrics};
use secrecy::SecretString;
use time::OffsetDateTime;

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bucket in which rejections are written.
    pub bucket: String,
    /// The database.
    pub database_url: SecretString,
    /// How to log in there.
    pub database_login: Login,
    /// `CloudWatch` namespace of the numbers.
    pub metrics_namespace: Option<String>,
    /// Authorities that may sign its certificate, beside the public ones and RDS's.
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

/// What every invocation needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Bucket in which rejections are written.
    pub bucket: String,
    /// Where objects are read and rejections written.
    pub s3: S3Client,
    /// Where events go.
    pub store: Store,
    /// Where numbers go.
    pub metrics: Metrics,
    /// What time it is.
    pub clock: fn() -> OffsetDateTime,
}

impl Deps {
    /// Makes the clients. Reaches nothing yet.
    ///
    /// # Errors
    /// When the database's URL is not one.
    pub async fn connect(
        config: Config,
        clock: fn() -> OffsetDateTime,
    ) -> Result<Self, StoreError> {
        let mut database = DatabaseConfig::new(config.database_url, "cistern-loader");
        database.login = config.database_login;
        database.ca = config.database_ca;
        Ok(Self {
            bucket: config.bucket,
            s3: Aws::from_env().await.s3(),
            store: Store::connect_lazy(&database)?,
            metrics: Metrics::stdout(Pipeline::EmailEvents, config.metrics_namespace.as_deref()),
            clock,
        })
    }
}

/// What `DATABASE_CA` should hold.
const CA_FORM: &str =
    "certificates of authorities in PEM form, from -----BEGIN CERTIFICATE----- on";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_are_missing_are_named() {
        let names = ["EVENTS_BUCKET", "DATABASE_URL"];

        for missing in names {
            let others = names
                .into_iter()
                .filter(|name| *name != missing)
                .map(|name| (name, "x"));
            let error = Config::from_env(&Env::from_pairs(others)).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("{missing} is not set"))
            );
            assert!(include_str!("../README.md").contains(&format!("| `{missing}` |")));
        }
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
