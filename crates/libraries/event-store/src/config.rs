//! Settings of the connection to the database.

use std::{num::NonZeroU32, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{ConnectOptions, postgres::PgConnectOptions};

use crate::{CaCertificates, Login, StoreError, database_url::connect_options, login::Target};

/// How to connect to the database, and the time limits.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// A Postgres URL, `postgres://user:password@host:port/database?sslmode=verify-full`. That mode is also the default,
    /// except for a server on this machine.
    pub url: SecretString,
    /// Certificate authorities to trust, in addition to the public ones and RDS's. Default: none.
    pub ca: Option<CaCertificates>,
    /// How to authenticate. Default: by the URL.
    pub login: Login,
    /// `application_name` of the connections, as `pg_stat_activity` shows it.
    pub application_name: String,
    /// The statement timeout. Default: 30 s.
    pub statement_timeout: Duration,
    /// The time limit of one attempt to connect. Default: 5 s.
    pub connect_timeout: Duration,
    /// How long an operation is retried while the database is unavailable. Default: 10 s.
    pub retry_for: Duration,
    /// How many operations run concurrently; further ones wait. Default: 1.
    pub max_connections: NonZeroU32,
    /// How repeated statements are planned. Default: [`Planning::Kept`].
    pub planning: Planning,
}

/// How Postgres plans a repeated prepared statement. It is parsed once in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planning {
    /// Postgres decides: after five runs it may keep a generic plan. Right for statements that load.
    Kept,
    /// A custom plan for the values of each run. Right for searches: whether an index on words helps depends on how
    /// frequent the word is, and a generic plan scans months of events. Planning then costs a millisecond or two per
    /// search.
    EachRun,
}

impl Planning {
    /// The value of `plan_cache_mode`.
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
            // If a function is frozen or killed inside a transaction, its locks must be released.
            ("idle_in_transaction_session_timeout", &timeout),
            ("plan_cache_mode", self.planning.plan_cache_mode()),
            // JIT compilation for each partition takes longer than the query.
            ("jit", "off"),
        ])
    }

    /// Connections for statements of callers.
    pub(crate) fn free_target(&self) -> Result<Target, StoreError> {
        let timeout = milliseconds(self.statement_timeout);
        self.target(&[
            ("default_transaction_read_only", "on"),
            ("statement_timeout", &timeout),
            ("lock_timeout", "1s"),
            ("idle_in_transaction_session_timeout", &timeout),
            // A statement whose caller has gone ends soon, and not at its timeout.
            ("client_connection_check_interval", "1s"),
            ("jit", "off"),
            // One statement uses one processor of the database.
            ("max_parallel_workers_per_gather", "0"),
            ("timezone", "UTC"),
            ("datestyle", "ISO"),
            ("intervalstyle", "iso_8601"),
            ("bytea_output", "hex"),
            ("standard_conforming_strings", "on"),
        ])
    }

    /// Connections for migrations and maintenance. Their statements have no time limit, but do not wait long for a lock
    /// that would block others.
    pub(crate) fn maintenance_target(&self) -> Result<Target, StoreError> {
        self.target(&[
            ("statement_timeout", "0"),
            ("lock_timeout", &milliseconds(LOCK_TIMEOUT)),
            ("timezone", "UTC"),
        ])
    }

    fn target(&self, settings: &[(&str, &str)]) -> Result<Target, StoreError> {
        // "relation already exists, skipping" would be logged for each batch.
        let always = [("client_min_messages", "warning")];
        let settings = always.iter().chain(settings);
        let settings = settings.map(|(name, value)| format!("set {name} = '{value}'"));
        Ok(Target {
            options: self.options()?,
            login: self.login.clone(),
            settings: settings.collect::<Vec<_>>().join("; "),
        })
    }

    /// Settings are not sent as start-up options: RDS Proxy and `PgBouncer` refuse connections with options. For the
    /// same reason `extra_float_digits`, which sqlx sends by default, is not sent.
    fn options(&self) -> Result<PgConnectOptions, StoreError> {
        let options = connect_options(self.url.expose_secret(), self.ca.as_ref())?;
        Ok(options
            .application_name(&self.application_name)
            .extra_float_digits(None)
            .disable_statement_logging())
    }
}

/// How long a maintenance statement waits for a lock; later statements queue behind it.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// A duration in the form of a Postgres setting.
pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}
