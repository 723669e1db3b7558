//! How to reach the database.

use std::{num::NonZeroU32, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{ConnectOptions, postgres::PgConnectOptions};

use crate::{CaCertificates, Login, StoreError, database_url::connect_options, login::Target};

/// How to reach the database, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// A Postgres URL, `postgres://user:password@host:port/database?sslmode=verify-full`. That mode is also the default,
    /// except for a server on this machine.
    pub url: SecretString,
    /// Authorities that may sign the database's certificate, beside the public ones and RDS's. Default: none.
    pub ca: Option<CaCertificates>,
    /// How to log in there. Default: as the URL says.
    pub login: Login,
    /// The name under which the connections show in `pg_stat_activity`.
    pub application_name: String,
    /// After this long Postgres gives up a statement. Default: 30 s.
    pub statement_timeout: Duration,
    /// How long one attempt to connect may take. Default: 5 s.
    pub connect_timeout: Duration,
    /// For how long an operation is retried while the database is unavailable. Default: 10 s.
    pub retry_for: Duration,
    /// How many operations run at the same time; further ones wait. Default: 1.
    pub max_connections: NonZeroU32,
    /// How repeated statements are planned. Default: [`Planning::Kept`].
    pub planning: Planning,
}

/// How Postgres plans a prepared statement when it is repeated. It is parsed once in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planning {
    /// As Postgres sees fit: after five runs it may keep a plan that serves any values. Right for statements that load.
    Kept,
    /// Again for the values of each run. Right for searches: whether an index on words helps depends on how frequent the
    /// word is, and a plan for any word walks months of events. Planning then costs a millisecond or two a search.
    EachRun,
}

impl Planning {
    /// As the setting `plan_cache_mode` spells it.
    const fn plan_cache_mode(self) -> &'static str {
        match self {
            Self::Kept => "auto",
            Self::EachRun => "force_custom_plan",
        }
    }
}

impl DatabaseConfig {
    /// The defaults for a function that does one thing at a time.
    pub fn new(url: SecretString, application_name: impl Into<String>) -> Self {
        Self {
            url,
            ca: None,
            login: Login::Url,
            application_name: application_name.into(),
            statement_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            retry_for: Duration::from_secs(10),
            max_connections: NonZeroU32::MIN,
            planning: Planning::Kept,
        }
    }

    /// Connections for batches and queries.
    pub(crate) fn work_target(&self) -> Result<Target, StoreError> {
        let timeout = milliseconds(self.statement_timeout);
        self.target(&[
            ("statement_timeout", &timeout),
            // A function that is frozen or killed within a transaction must not hold its locks.
            ("idle_in_transaction_session_timeout", &timeout),
            ("plan_cache_mode", self.planning.plan_cache_mode()),
            // Compiling expressions for each week takes longer than running them.
            ("jit", "off"),
        ])
    }

    /// Connections for migrations and maintenance, whose statements take as long as they take but wait for no lock that
    /// would make others wait behind them.
    pub(crate) fn maintenance_target(&self) -> Result<Target, StoreError> {
        self.target(&[
            ("statement_timeout", "0"),
            ("lock_timeout", &milliseconds(LOCK_TIMEOUT)),
            ("timezone", "UTC"),
        ])
    }

    fn target(&self, settings: &[(&str, &str)]) -> Result<Target, StoreError> {
        // "relation already exists, skipping" would be a log line for each batch.
        let always = [("client_min_messages", "warning")];
        let settings = always.iter().chain(settings);
        let settings = settings.map(|(name, value)| format!("set {name} = '{value}'"));
        Ok(Target {
            options: self.options()?,
            login: self.login.clone(),
            settings: settings.collect::<Vec<_>>().join("; "),
        })
    }

    /// Settings are not among the options: RDS Proxy and `PgBouncer` refuse a connection that comes with them. For the same
    /// reason no number of digits is asked for, which sqlx else does.
    fn options(&self) -> Result<PgConnectOptions, StoreError> {
        let options = connect_options(self.url.expose_secret(), self.ca.as_ref())?;
        Ok(options
            .application_name(&self.application_name)
            .extra_float_digits(None)
            .disable_statement_logging())
    }
}

/// How long a statement of maintenance waits for a lock; later statements wait behind it.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// A duration as Postgres reads it in a setting.
pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}
