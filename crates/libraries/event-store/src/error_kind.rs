//! The kinds of database errors, by SQLSTATE and never by the text of a message.
//! <https://www.postgresql.org/docs/current/errcodes-appendix.html>

use std::io;

/// The kind of an error, which determines the reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The database is starting, restarting, full, out of connections or unreachable. Every operation fails; temporary.
    Unavailable,
    /// Another transaction was in conflict with this one. It passes soon, and other transactions may succeed.
    Contended,
    /// This operation exceeded memory, locks or temporary files. Others may succeed; may be temporary.
    Exhausted,
    /// A time limit was exceeded.
    TooSlow,
    /// A setting is wrong: a wrong password, a missing database or permission, an untrusted certificate, a pooler that
    /// does not support the operation. It does not pass by itself.
    Refused,
    /// The data is at fault: the same data will fail again.
    BadData,
    /// Anything else, which is a fault of this program.
    Defect,
}

/// The phase of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Connecting: an error concerns every caller.
    Connecting,
    /// Connected.
    Working,
}

impl ErrorKind {
    /// The kind of an error of sqlx.
    pub(crate) fn of(error: &sqlx::Error, phase: Phase) -> Self {
        match error {
            sqlx::Error::Io(error) => Self::of_io(error, phase),
            sqlx::Error::BeginFailed => Self::Unavailable,
            sqlx::Error::Tls(source) => match source.downcast_ref::<io::Error>() {
                Some(error) => Self::of_io(error, phase),
                None => Self::Refused,
            },
            sqlx::Error::Database(error) => match (error.code(), phase) {
                (Some(code), _) => Self::of_code(&code, phase),
                (None, Phase::Connecting) => Self::Refused,
                (None, Phase::Working) => Self::Defect,
            },
            // Such as an authentication method that the client does not support.
            _ if phase == Phase::Connecting => Self::Refused,
            _ => Self::Defect,
        }
    }

    /// Certificates are checked during reads and writes.
    fn of_io(error: &io::Error, phase: Phase) -> Self {
        if let Some(inner) = error.get_ref()
            && phase == Phase::Connecting
            && inner.is::<rustls::Error>()
        {
            Self::Refused
        } else {
            Self::Unavailable
        }
    }

    /// The kind of an SQLSTATE.
    pub(crate) fn of_code(code: &str, phase: Phase) -> Self {
        match phase {
            Phase::Connecting => Self::of_refusal(code),
            Phase::Working => Self::of_failure(code),
        }
    }

    /// While connecting.
    fn of_refusal(code: &str) -> Self {
        match code {
            // protocol_violation: PgBouncer's code for unsupported parameters, unknown databases and users.
            // database_dropped.
            "08P01" | "57P04" => Self::Refused,
            _ => match class(code) {
                // Connection exceptions, resources, operator intervention (57014: the login timed out), system errors.
                "08" | "53" | "57" | "58" => Self::Unavailable,
                // Not supported (RDS Proxy on `options`), authentication, settings, permissions, poolers' own codes.
                _ => Self::Refused,
            },
        }
    }

    /// For a statement.
    fn of_failure(code: &str) -> Self {
        match code {
            // query_canceled
            "57014" => Self::TooSlow,
            // out_of_memory, of locks too; configuration_limit_exceeded, such as temp_file_limit
            "53200" | "53400" => Self::Exhausted,
            // object_in_use, lock_not_available, idle_in_transaction_session_timeout, transaction_timeout
            "55006" | "55P03" | "25P03" | "25P04" => Self::Contended,
            // read_only_sql_transaction: the server has become a standby, or its disk is full.
            "25006" => Self::Unavailable,
            // duplicate_prepared_statement, invalid_sql_statement_name: the statement was prepared on another server
            // connection, the effect of a pooler in transaction mode.
            "42P05" | "26000" => Self::Refused,
            _ => match class(code) {
                "08" | "53" | "57" | "58" => Self::Unavailable,
                // Transaction rollbacks: serialization failures, deadlocks.
                "40" => Self::Contended,
                // Cardinality, data exceptions, constraints, limits of Postgres such as the size of an index row.
                "21" | "22" | "23" | "54" => Self::BadData,
                // Not supported, authentication, unknown databases and schemas, unknown tables and missing permissions.
                "0A" | "0L" | "0P" | "28" | "3D" | "3F" | "42" => Self::Refused,
                _ => Self::Defect,
            },
        }
    }
}

fn class(code: &str) -> &str {
    code.get(..2).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code that was observed or is documented for such a case: its kind while connecting, and for a statement.
    const TABLE: [(&str, ErrorKind, ErrorKind); 53] = {
        use ErrorKind::{BadData, Contended, Defect, Exhausted, Refused, TooSlow, Unavailable};
        [
            // connection_exception and its kin
            ("08000", Unavailable, Unavailable),
            ("08001", Unavailable, Unavailable),
            ("08003", Unavailable, Unavailable),
            ("08004", Unavailable, Unavailable),
            ("08006", Unavailable, Unavailable),
            // protocol_violation: PgBouncer's code for what it does not support, and for idle connections that it
            // closes
            ("08P01", Refused, Unavailable),
            // feature_not_supported: RDS Proxy on `options`
            ("0A000", Refused, Refused),
            // invalid_role_specification
            ("0P000", Refused, Refused),
            // cardinality_violation
            ("21000", Refused, BadData),
            // numeric_value_out_of_range, datetime_field_overflow, invalid_text_representation, untranslatable_character
            ("22003", Refused, BadData),
            ("22008", Refused, BadData),
            ("22P02", Refused, BadData),
            ("22P05", Refused, BadData),
            // invalid_parameter_value: a zone or a setting that the server does not know
            ("22023", Refused, BadData),
            // constraints
            ("23502", Refused, BadData),
            ("23505", Refused, BadData),
            ("23514", Refused, BadData),
            // read_only_sql_transaction
            ("25006", Refused, Unavailable),
            // in_failed_sql_transaction
            ("25P02", Refused, Defect),
            // idle_in_transaction_session_timeout, transaction_timeout
            ("25P03", Refused, Contended),
            ("25P04", Refused, Contended),
            // invalid_sql_statement_name
            ("26000", Refused, Refused),
            // invalid_authorization_specification, invalid_password
            ("28000", Refused, Refused),
            ("28P01", Refused, Refused),
            // invalid_catalog_name, invalid_schema_name
            ("3D000", Refused, Refused),
            ("3F000", Refused, Refused),
            // serialization_failure, statement_completion_unknown, deadlock_detected
            ("40001", Refused, Contended),
            ("40003", Refused, Contended),
            ("40P01", Refused, Contended),
            // insufficient_privilege, syntax_error, undefined_table, undefined_function, duplicate_prepared_statement
            ("42501", Refused, Refused),
            ("42601", Refused, Refused),
            ("42P01", Refused, Refused),
            ("42883", Refused, Refused),
            ("42P05", Refused, Refused),
            // insufficient_resources, disk_full, out_of_memory, too_many_connections, configuration_limit_exceeded
            ("53000", Unavailable, Unavailable),
            ("53100", Unavailable, Unavailable),
            ("53200", Unavailable, Exhausted),
            ("53300", Unavailable, Unavailable),
            ("53400", Unavailable, Exhausted),
            // program_limit_exceeded, statement_too_complex
            ("54000", Refused, BadData),
            ("54001", Refused, BadData),
            // object_not_in_prerequisite_state: a database that accepts no connections
            ("55000", Refused, Defect),
            // object_in_use, lock_not_available
            ("55006", Refused, Contended),
            ("55P03", Refused, Contended),
            // query_canceled: the time for logging in, and statement_timeout
            ("57014", Unavailable, TooSlow),
            // admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped, idle_session_timeout
            ("57P01", Unavailable, Unavailable),
            ("57P02", Unavailable, Unavailable),
            ("57P03", Unavailable, Unavailable),
            ("57P04", Refused, Unavailable),
            ("57P05", Unavailable, Unavailable),
            // io_error
            ("58030", Unavailable, Unavailable),
            // internal_error: Supabase's pooler for an unknown project
            ("XX000", Refused, Defect),
            // not a code
            ("", Refused, Defect),
        ]
    };

    #[test]
    fn every_code_has_its_place() {
        for (code, connecting, working) in TABLE {
            assert_eq!(
                ErrorKind::of_code(code, Phase::Connecting),
                connecting,
                "{code}"
            );
            assert_eq!(ErrorKind::of_code(code, Phase::Working), working, "{code}");
        }
    }

    #[test]
    fn connection_that_breaks_is_an_outage_and_a_certificate_is_none() {
        let broken = || sqlx::Error::Io(io::ErrorKind::UnexpectedEof.into());
        let certificate = || {
            let error = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
            sqlx::Error::Io(io::Error::new(io::ErrorKind::InvalidData, error))
        };
        let no_tls = || sqlx::Error::Tls("server does not support TLS".into());

        for (error, connecting, working) in [
            (broken(), ErrorKind::Unavailable, ErrorKind::Unavailable),
            (certificate(), ErrorKind::Refused, ErrorKind::Unavailable),
            (no_tls(), ErrorKind::Refused, ErrorKind::Refused),
            (
                sqlx::Error::Protocol(String::new()),
                ErrorKind::Refused,
                ErrorKind::Defect,
            ),
        ] {
            assert_eq!(
                ErrorKind::of(&error, Phase::Connecting),
                connecting,
                "{error:?}"
            );
            assert_eq!(ErrorKind::of(&error, Phase::Working), working, "{error:?}");
        }
    }
}
