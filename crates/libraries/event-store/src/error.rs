//! Errors, distinguished by SQLSTATE and never by the text of a message.

use std::{error::Error, fmt, io, time::Duration};

use sqlx::migrate::MigrateError;

use crate::{
    CertificateProblem, ErrorKind, Login, database_url::UrlError, error_kind::Phase,
    metadata_key::MetadataKeyError,
};

/// Why an operation of the store failed.
///
/// Its `Debug` text is that of its messages: the details that Postgres adds to an error may quote a row.
#[derive(thiserror::Error)]
pub enum StoreError {
    /// The URL is not one of a usable Postgres database.
    #[error("reading the database url")]
    Url(#[from] UrlError),

    /// The process has no credentials of an AWS role.
    #[error("logging in by IAM needs the variable {variable}")]
    RoleCredentials {
        /// The missing variable.
        variable: &'static str,
    },

    /// The token for a login could not be signed.
    #[error("signing the login")]
    Token(#[source] aws_sigv4::http_request::SigningError),

    /// The database refused the connection or could not be reached.
    #[error("connecting to the database")]
    Connect(#[source] sqlx::Error),

    /// The database refused an IAM token. It sometimes does so when it is short of memory, and accepts the next one.
    #[error("logging in to the database by IAM")]
    IamLogin(#[source] sqlx::Error),

    /// The database's certificate is not trusted.
    #[error("verifying the database's certificate: {problem}")]
    Certificate {
        /// The fault, and the fix.
        problem: CertificateProblem,
        /// The details.
        source: sqlx::Error,
    },

    /// The database does not support TLS, and a connection without it is not allowed.
    #[error(
        "the database offers no TLS: switch it on there, or give sslmode=disable in DATABASE_URL if nobody else can read the network"
    )]
    NoTls(#[source] sqlx::Error),

    /// A pooler in transaction mode: statements of one connection reach different server processes.
    #[error(
        "the database is behind a pooler in transaction mode, which keeps neither settings nor locks of a connection: give the server itself in DATABASE_URL, or a pooler in session mode"
    )]
    TransactionPooler,

    /// The database did not accept a connection in time.
    #[error("connecting to the database took more than {} ms", limit.as_millis())]
    ConnectTimeout {
        /// The time limit.
        limit: Duration,
    },

    /// A statement failed.
    #[error("{step}")]
    Statement {
        /// The step, such as `copying events`.
        step: &'static str,
        /// The error of Postgres or of the connection.
        source: sqlx::Error,
    },

    /// The database stopped responding during an operation, whose result is unknown.
    #[error("the database fell silent for {} ms", limit.as_millis())]
    Unresponsive {
        /// The time limit.
        limit: Duration,
    },

    /// The partition of an event's week was removed each time it was created.
    #[error("the partition of a week was removed while a batch was loaded into it")]
    WeekRemoved,

    /// Another process runs maintenance on this database and did not finish in time.
    #[error("waiting for another maintenance took more than {} s", limit.as_secs())]
    MaintenanceBusy {
        /// The time limit.
        limit: Duration,
    },

    /// A migration failed and was rolled back.
    #[error("migrating the database")]
    Migrate(#[source] MigrateError),

    /// A row of the database violates its schema.
    #[error("reading events: {what} is out of range")]
    Row {
        /// The invalid value.
        what: &'static str,
    },

    /// The name of a metadata key cannot be indexed.
    #[error(transparent)]
    MetadataKey(#[from] MetadataKeyError),
}

impl StoreError {
    /// An error while connecting.
    pub(crate) fn connecting(error: sqlx::Error, login: &Login) -> Self {
        if let Some(problem) = CertificateProblem::behind(&error) {
            return Self::Certificate {
                problem,
                source: error,
            };
        }
        match &error {
            // The only text that sqlx writes there itself.
            sqlx::Error::Tls(source)
                if !source.is::<rustls::Error>() && !source.is::<io::Error>() =>
            {
                Self::NoTls(error)
            }
            sqlx::Error::Database(_)
                if matches!(login, Login::Iam)
                    && has_code(&error, code::INVALID_AUTHORIZATION_SPECIFICATION) =>
            {
                Self::IamLogin(error)
            }
            _ => Self::Connect(error),
        }
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Connect(error) => ErrorKind::of(error, Phase::Connecting),
            Self::Statement { source, .. } => ErrorKind::of(source, Phase::Working),
            Self::Migrate(error) => migration_cause(error).map_or(ErrorKind::Defect, |error| {
                ErrorKind::of(error, Phase::Working)
            }),
            Self::IamLogin(_) | Self::ConnectTimeout { .. } | Self::Unresponsive { .. } => {
                ErrorKind::Unavailable
            }
            Self::WeekRemoved | Self::MaintenanceBusy { .. } => ErrorKind::Contended,
            Self::Url(_)
            | Self::RoleCredentials { .. }
            | Self::Token(_)
            | Self::Certificate { .. }
            | Self::NoTls(_)
            | Self::TransactionPooler => ErrorKind::Refused,
            Self::Row { .. } | Self::MetadataKey(_) => ErrorKind::Defect,
        }
    }

    /// True if the same call may soon succeed.
    pub fn is_transient(&self) -> bool {
        match self.kind() {
            ErrorKind::Unavailable | ErrorKind::Contended | ErrorKind::Exhausted => true,
            ErrorKind::TooSlow | ErrorKind::Refused | ErrorKind::BadData | ErrorKind::Defect => {
                false
            }
        }
    }

    /// True if the database exceeded a time limit.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::TooSlow
    }

    /// True if every other operation would fail now: the database is unavailable, or refuses every login.
    pub fn is_of_all(&self) -> bool {
        let is_of_connection = match self {
            Self::Url(_)
            | Self::RoleCredentials { .. }
            | Self::Token(_)
            | Self::Connect(_)
            | Self::IamLogin(_)
            | Self::Certificate { .. }
            | Self::NoTls(_)
            | Self::TransactionPooler
            | Self::ConnectTimeout { .. } => true,
            Self::Statement { .. }
            | Self::Unresponsive { .. }
            | Self::WeekRemoved
            | Self::MaintenanceBusy { .. }
            | Self::Migrate(_)
            | Self::Row { .. }
            | Self::MetadataKey(_) => false,
        };
        is_of_connection || self.kind() == ErrorKind::Unavailable
    }

    /// The SQLSTATE, if the error comes from Postgres.
    pub fn sqlstate(&self) -> Option<String> {
        let error = match self {
            Self::Connect(error)
            | Self::IamLogin(error)
            | Self::Statement { source: error, .. } => error,
            Self::Migrate(error) => migration_cause(error)?,
            Self::Url(_)
            | Self::RoleCredentials { .. }
            | Self::Token(_)
            | Self::Certificate { .. }
            | Self::NoTls(_)
            | Self::TransactionPooler
            | Self::ConnectTimeout { .. }
            | Self::Unresponsive { .. }
            | Self::WeekRemoved
            | Self::MaintenanceBusy { .. }
            | Self::Row { .. }
            | Self::MetadataKey(_) => return None,
        };
        sqlstate(error)
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreError({self}")?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        f.write_str(")")
    }
}

/// Adds the failed step to an error.
pub(crate) trait Step<T> {
    fn step(self, step: &'static str) -> Result<T, StoreError>;
}

impl<T> Step<T> for sqlx::Result<T> {
    fn step(self, step: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Statement { step, source })
    }
}

/// The codes to which the store responds. <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(crate) mod code {
    pub(crate) const CHECK_VIOLATION: &str = "23514";
    pub(crate) const DATETIME_FIELD_OVERFLOW: &str = "22008";
    pub(crate) const DEADLOCK_DETECTED: &str = "40P01";
    pub(crate) const INTERNAL_ERROR: &str = "XX000";
    pub(crate) const INVALID_AUTHORIZATION_SPECIFICATION: &str = "28000";
    pub(crate) const LOCK_NOT_AVAILABLE: &str = "55P03";
    pub(crate) const OBJECT_IN_USE: &str = "55006";
    pub(crate) const UNIQUE_VIOLATION: &str = "23505";
}

pub(crate) fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(String::from)
}

pub(crate) fn has_code(error: &sqlx::Error, code: &str) -> bool {
    sqlstate(error).is_some_and(|found| found == code)
}

/// The row has no partition. A violated CHECK has the same code, but names its constraint.
pub(crate) fn is_missing_partition(error: &sqlx::Error) -> bool {
    has_code(error, code::CHECK_VIOLATION)
        && error
            .as_database_error()
            .is_some_and(|error| error.constraint().is_none())
}

/// The data is at fault: the same rows will fail again, but other rows may succeed.
pub(crate) fn is_bad_data(error: &sqlx::Error) -> bool {
    ErrorKind::of(error, Phase::Working) == ErrorKind::BadData && !is_missing_partition(error)
}

fn migration_cause(error: &MigrateError) -> Option<&sqlx::Error> {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Some(error),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
