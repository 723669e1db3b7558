use rustls::CertificateError;

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
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
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
        assert_eq!(error.kind(), ErrorKind::Refused);
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
