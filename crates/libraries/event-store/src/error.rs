//! What can go wrong, told apart by SQLSTATE and never by the text of a message.

use std::{error::Error, fmt, io, time::Duration};

use rustls::CertificateError;
use sqlx::migrate::MigrateError;

use crate::{
    Login, Trouble, database_url::UrlError, metadata_key::MetadataKeyError, trouble::Phase,
};

/// Why the store could not do what it was asked for.
///
/// Its `Debug` text is that of its messages: the details that Postgres adds to an error may quote a row.
#[derive(thiserror::Error)]
pub enum StoreError {
    /// The URL is not one of a Postgres database that can be used.
    #[error("reading the database url")]
    Url(#[from] UrlError),

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

    /// The database did not take a token of IAM's. With too little memory it does so at times, and takes the next.
    #[error("logging in to the database by IAM")]
    IamLogin(#[source] sqlx::Error),

    /// The database's certificate is not trusted.
    #[error("verifying the database's certificate: {problem}")]
    Certificate {
        /// What is wrong with it, and what to do.
        problem: CertificateProblem,
        /// What was found.
        source: sqlx::Error,
    },

    /// The database speaks no TLS, and a connection without it was not allowed.
    #[error(
        "the database offers no TLS: switch it on there, or give sslmode=disable in DATABASE_URL if nobody else can read the network"
    )]
    NoTls(#[source] sqlx::Error),

    /// Statements of one connection come to different servers' connections.
    #[error(
        "the database is behind a pooler in transaction mode, which keeps neither settings nor locks of a connection: give the server itself in DATABASE_URL, or a pooler in session mode"
    )]
    TransactionPooler,

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
    Unresponsive {
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

/// What is wrong with a certificate, with what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateProblem {
    /// Nobody who is trusted has signed it.
    #[error(
        "its authority is not trusted; give the authority's certificate as DATABASE_CA, or sslmode=require in DATABASE_URL to encrypt without verifying"
    )]
    Untrusted,
    /// It is for another host.
    #[error(
        "it is not for the host of DATABASE_URL; give a name that it holds, or sslmode=verify-ca for any"
    )]
    OtherHost,
    /// It has ended, or has not begun.
    #[error("it is not valid at this time; renew it")]
    OutOfDate,
    /// Anything else.
    #[error(
        "it cannot be verified; renew it, or give sslmode=require in DATABASE_URL to encrypt without verifying"
    )]
    Unusable,
}

impl CertificateProblem {
    /// The problem behind an error of a connection, if it is one with a certificate.
    fn behind(error: &sqlx::Error) -> Option<Self> {
        let inner: &(dyn Error + 'static) = match error {
            sqlx::Error::Io(error) => error.get_ref()?,
            sqlx::Error::Tls(error) => error.as_ref(),
            _ => return None,
        };
        let rustls::Error::InvalidCertificate(problem) = inner.downcast_ref()? else {
            return None;
        };
        Some(match problem {
            // Of an authority by the same name with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::OtherHost
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::OutOfDate,
            _ => Self::Unusable,
        })
    }
}

impl StoreError {
    /// An error that was met while connecting.
    pub(crate) fn connecting(error: sqlx::Error, login: &Login) -> Self {
        if let Some(problem) = CertificateProblem::behind(&error) {
            return Self::Certificate {
                problem,
                source: error,
            };
        }
        match &error {
            // The only text of its own that sqlx puts there.
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

    /// What kind of trouble it is.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Connect(error) => Trouble::of(error, Phase::Connecting),
            Self::Statement { source, .. } => Trouble::of(source, Phase::Working),
            Self::Migrate(error) => migration_cause(error)
                .map_or(Trouble::Defect, |error| Trouble::of(error, Phase::Working)),
            Self::IamLogin(_) | Self::ConnectTimeout { .. } | Self::Unresponsive { .. } => {
                Trouble::Unavailable
            }
            Self::WeekRemoved | Self::MaintenanceBusy { .. } => Trouble::Contended,
            Self::Url(_)
            | Self::RoleCredentials { .. }
            | Self::Token(_)
            | Self::Certificate { .. }
            | Self::NoTls(_)
            | Self::TransactionPooler => Trouble::Refused,
            Self::Row { .. } | Self::MetadataKey(_) => Trouble::Defect,
        }
    }

    /// True when the same call may well succeed in a moment.
    pub fn is_transient(&self) -> bool {
        match self.trouble() {
            Trouble::Unavailable | Trouble::Contended | Trouble::Exhausted => true,
            Trouble::TooSlow | Trouble::Refused | Trouble::BadData | Trouble::Defect => false,
        }
    }

    /// True when the database was given a time and did not finish within it.
    pub fn is_timeout(&self) -> bool {
        self.trouble() == Trouble::TooSlow
    }

    /// True when no other operation would succeed now: the database is unavailable, or refuses every login.
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
        is_of_connection || self.trouble() == Trouble::Unavailable
    }

    /// Postgres' five-character code for what went wrong, if it was Postgres that said so.
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

/// No partition takes the row. A violated CHECK has the same code, but names its constraint.
pub(crate) fn is_missing_partition(error: &sqlx::Error) -> bool {
    has_code(error, code::CHECK_VIOLATION)
        && error
            .as_database_error()
            .is_some_and(|error| error.constraint().is_none())
}

/// The data is at fault: the same rows will fail again, and others beside them need not.
pub(crate) fn is_bad_data(error: &sqlx::Error) -> bool {
    Trouble::of(error, Phase::Working) == Trouble::BadData && !is_missing_partition(error)
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

    fn connecting(error: sqlx::Error) -> StoreError {
        StoreError::connecting(error, &Login::Url)
    }

    #[test]
    fn lost_connection_is_transient_and_wrong_url_is_not() {
        let lost = StoreError::Statement {
            step: "copying events",
            source: sqlx::Error::Io(io::ErrorKind::UnexpectedEof.into()),
        };
        let wrong = StoreError::Url(UrlError::NotPostgres);

        assert!(lost.is_transient() && lost.is_of_all() && !lost.is_timeout());
        assert!(!wrong.is_transient() && wrong.is_of_all());
    }

    #[test]
    fn silence_and_a_login_that_takes_too_long_are_no_slow_statement() {
        let limit = Duration::from_secs(3);

        for error in [
            StoreError::ConnectTimeout { limit },
            StoreError::Unresponsive { limit },
            connecting(sqlx::Error::Io(io::ErrorKind::TimedOut.into())),
        ] {
            assert_eq!(error.trouble(), Trouble::Unavailable, "{error:?}");
            assert!(error.is_of_all() && !error.is_timeout(), "{error:?}");
        }
    }

    #[test]
    fn problems_with_certificates_are_told_with_what_to_do() {
        let problem = |problem: CertificateError| {
            let error = rustls::Error::InvalidCertificate(problem);
            connecting(sqlx::Error::Io(io::Error::other(error)))
        };

        for (error, expected) in [
            (problem(CertificateError::UnknownIssuer), "DATABASE_CA"),
            (problem(CertificateError::NotValidForName), "verify-ca"),
            (problem(CertificateError::Expired), "renew"),
            (problem(CertificateError::BadEncoding), "sslmode=require"),
            (
                connecting(sqlx::Error::Tls("none".into())),
                "sslmode=disable",
            ),
        ] {
            assert_eq!(error.trouble(), Trouble::Refused);
            assert!(error.is_of_all() && !error.is_transient());
            assert!(error.to_string().contains(expected), "{error}");
        }
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
