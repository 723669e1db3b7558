//! What can go wrong, told apart by SQLSTATE and never by the text of a message.

use std::{error::Error, fmt, io, time::Duration};

use sqlx::migrate::MigrateError;

use crate::metadata_key::MetadataKeyError;

/// Why the store could not do what it was asked for.
///
/// Its `Debug` text is that of its messages: the details that Postgres adds to an error may quote a row.
#[derive(thiserror::Error)]
pub enum StoreError {
    /// The URL is not one of a Postgres database.
    #[error("reading the database url")]
    Url(#[source] sqlx::Error),

    /// The process runs as no role of AWS.
    #[error("logging in by IAM needs the variable {variable}")]
    RoleCredentials {
        /// What is not set.
        variable: &'static str,
    },

    /// A login could not be signed.
    #[error("signing the login")]
    Token(#[source] aws_sigv4::http_request::SigningError),

    /// The database refused the connection or could not be reached.
    #[error("connecting to the database")]
    Connect(#[source] sqlx::Error),

    /// The database did not answer in time when it was called.
    #[error("connecting to the database took more than {} ms", limit.as_millis())]
    ConnectTimeout {
        /// How long was waited.
        limit: Duration,
    },

    /// A statement failed.
    #[error("{step}")]
    Statement {
        /// What was being done, such as `copying events`.
        step: &'static str,
        /// What Postgres or the connection said.
        source: sqlx::Error,
    },

    /// The database fell silent in the middle of an operation. Whether the operation took place is not known.
    #[error("the database fell silent for {} ms", limit.as_millis())]
    Silent {
        /// How long was waited.
        limit: Duration,
    },

    /// The partition of an event's week was removed as often as it was made.
    #[error("the partition of a week was removed while a batch was loaded into it")]
    WeekRemoved,

    /// Another process is at the maintenance of this database and did not finish in time.
    #[error("waiting for another maintenance took more than {} s", limit.as_secs())]
    MaintenanceBusy {
        /// How long was waited.
        limit: Duration,
    },

    /// A migration failed. What it did was rolled back.
    #[error("migrating the database")]
    Migrate(#[source] MigrateError),

    /// A row of the database is not what its schema promises.
    #[error("reading events: {what} is out of range")]
    Row {
        /// The value at fault.
        what: &'static str,
    },

    /// The name of a metadata key is not one that can be indexed.
    #[error(transparent)]
    MetadataKey(#[from] MetadataKeyError),
}

impl StoreError {
    /// True when the same call may well succeed in a moment: the database is starting, restarting, out of
    /// connections, was out of reach, or had to choose one of two transactions.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect(error) | Self::Statement { source: error, .. } => is_transient(error),
            Self::Migrate(error) => migration_cause(error).is_some_and(is_transient),
            Self::ConnectTimeout { .. } | Self::WeekRemoved | Self::MaintenanceBusy { .. } => true,
            Self::Url(_)
            | Self::RoleCredentials { .. }
            | Self::Token(_)
            | Self::Silent { .. }
            | Self::Row { .. }
            | Self::MetadataKey(_) => false,
        }
    }

    /// True when the database was given a time and did not finish within it: a statement ran into its timeout, or
    /// nothing was heard at all.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::ConnectTimeout { .. } | Self::Silent { .. } | Self::MaintenanceBusy { .. } => {
                true
            }
            Self::Connect(error) | Self::Statement { source: error, .. } => is_timeout(error),
            Self::Migrate(error) => migration_cause(error).is_some_and(is_timeout),
            Self::Url(_)
            | Self::RoleCredentials { .. }
            | Self::Token(_)
            | Self::WeekRemoved
            | Self::Row { .. }
            | Self::MetadataKey(_) => false,
        }
    }

    /// Postgres' five-character code for what went wrong, if it was Postgres that said so.
    pub fn sqlstate(&self) -> Option<String> {
        let error = match self {
            Self::Url(error) | Self::Connect(error) | Self::Statement { source: error, .. } => {
                error
            }
            Self::Migrate(error) => migration_cause(error)?,
            Self::RoleCredentials { .. }
            | Self::Token(_)
            | Self::ConnectTimeout { .. }
            | Self::Silent { .. }
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

/// Names the step that failed.
pub(crate) trait Step<T> {
    fn step(self, step: &'static str) -> Result<T, StoreError>;
}

impl<T> Step<T> for sqlx::Result<T> {
    fn step(self, step: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Statement { step, source })
    }
}

/// The codes that the store acts on. <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(crate) mod code {
    pub(crate) const CHECK_VIOLATION: &str = "23514";
    pub(crate) const DATETIME_FIELD_OVERFLOW: &str = "22008";
    pub(crate) const DEADLOCK_DETECTED: &str = "40P01";
    pub(crate) const LOCK_NOT_AVAILABLE: &str = "55P03";
    pub(crate) const OBJECT_IN_USE: &str = "55006";
    pub(crate) const QUERY_CANCELED: &str = "57014";
    pub(crate) const UNIQUE_VIOLATION: &str = "23505";
}

pub(crate) fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(String::from)
}

pub(crate) fn has_code(error: &sqlx::Error, code: &str) -> bool {
    sqlstate(error).is_some_and(|found| found == code)
}

/// No partition takes the row. A violated CHECK has the same code, but names its constraint.
pub(crate) fn is_missing_partition(error: &sqlx::Error) -> bool {
    has_code(error, code::CHECK_VIOLATION)
        && error
            .as_database_error()
            .is_some_and(|error| error.constraint().is_none())
}

/// The data is at fault: the same rows will fail again, and others beside them need not.
///
/// Class 22 are data exceptions, 21 cardinality violations, 23 violated constraints and 54 limits of Postgres, such as
/// the size of an index row or the depth of a JSON value.
pub(crate) fn is_bad_data(error: &sqlx::Error) -> bool {
    let is_data_class = sqlstate(error).is_some_and(|code| {
        ["21", "22", "23", "54"]
            .iter()
            .any(|class| code.starts_with(class))
    });
    is_data_class && !is_missing_partition(error)
}

fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::BeginFailed => true,
        sqlx::Error::Tls(source) => source.is::<io::Error>(),
        _ => sqlstate(error).is_some_and(|code| is_transient_code(&code)),
    }
}

fn is_transient_code(code: &str) -> bool {
    match code {
        // serialization_failure
        "40001" | code::DEADLOCK_DETECTED
        // idle_in_transaction_session_timeout
        | code::OBJECT_IN_USE | code::LOCK_NOT_AVAILABLE | "25P03"
        // admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout
        | "57P01" | "57P02" | "57P03" | "57P05" => true,
        // connection exceptions; insufficient resources: too many connections, no memory, no disk
        _ => code.starts_with("08") || code.starts_with("53"),
    }
}

fn is_timeout(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == io::ErrorKind::TimedOut,
        _ => has_code(error, code::QUERY_CANCELED),
    }
}

fn migration_cause(error: &MigrateError) -> Option<&sqlx::Error> {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Some(error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_a_database_that_comes_and_goes_are_transient() {
        for code in [
            "08006", "40001", "40P01", "53300", "55P03", "57P01", "57P03",
        ] {
            assert!(is_transient_code(code), "{code}");
        }
        for code in ["22P02", "23505", "28P01", "3D000", "42P01", "57014"] {
            assert!(!is_transient_code(code), "{code}");
        }
    }

    #[test]
    fn lost_connection_is_transient_and_wrong_url_is_not() {
        let lost = StoreError::Statement {
            step: "copying events",
            source: sqlx::Error::Io(io::ErrorKind::UnexpectedEof.into()),
        };
        let wrong = StoreError::Url(sqlx::Error::InvalidArgument("host".to_owned()));

        assert!(lost.is_transient() && !lost.is_timeout());
        assert!(!wrong.is_transient());
    }

    #[test]
    fn debug_text_is_the_chain_of_messages() {
        let error = StoreError::Statement {
            step: "copying events",
            source: sqlx::Error::RowNotFound,
        };

        assert_eq!(
            format!("{error:?}"),
            format!("StoreError(copying events: {})", sqlx::Error::RowNotFound)
        );
    }
}
