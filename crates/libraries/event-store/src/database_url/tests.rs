use std::error::Error as _;

use super::*;

fn read(url: &str) -> PgConnectOptions {
    connect_options(url, None).unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn mode(url: &str) -> String {
    format!("{:?}", read(url).get_ssl_mode())
}

fn certificate() -> String {
    let rds = include_str!("../../certificates/rds.pem");
    rds.lines()
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn certificate_of_another_machine_is_verified_unless_the_url_says_otherwise() {
    for remote in [
        "db.example.com",
        "10.0.0.5",
        "[2001:db8::1]",
        "localhost.example.com",
    ] {
        assert_eq!(
            mode(&format!("postgres://u:p@{remote}:5432/d")),
            "VerifyFull",
            "{remote}"
        );
    }
    for (url, expected) in [
        ("postgres://u:p@db.example.com/d?sslmode=disable", "Disable"),
        ("postgres://u:p@db.example.com/d?sslmode=require", "Require"),
        (
            "postgres://u:p@db.example.com/d?ssl-mode=verify-ca",
            "VerifyCa",
        ),
        ("postgresql://u@ignored/d?host=db.example.com", "VerifyFull"),
        ("postgres://u@127.0.0.1/d?host=db.example.com", "VerifyFull"),
    ] {
        assert_eq!(mode(url), expected, "{url}");
    }
}

#[test]
fn server_on_this_machine_need_have_no_certificate() {
    for local in [
        "postgres://u@127.0.0.1/d",
        "postgres://u@localhost:5433/d",
        "postgres://u@[::1]/d",
        "postgres://u@%2Fvar%2Frun%2Fpostgresql/d",
        "postgres://u@db.example.com/d?host=/var/run/postgresql",
    ] {
        assert!(
            ["Prefer", "Disable"].contains(&mode(local).as_str()),
            "{local}"
        );
    }
}

#[test]
fn urls_of_providers_and_of_other_clients_are_understood() {
    for url in [
        "postgres://u:p@ep-a-b-123.us-east-2.aws.neon.tech/d?sslmode=require&channel_binding=require",
        "postgres://u:p@ep-a-b-123.us-east-2.aws.neon.tech/d?options=endpoint%3Dep-a-b-123",
        "postgres://u.ref:p@aws-0-eu-west-1.pooler.supabase.com:5432/postgres",
        "postgresql://u:p@db.example.com/d?sslrootcert=system&connect_timeout=10&target_session_attrs=read-write",
        "postgres://u:p@x.abc.us-east-1.rds.amazonaws.com:5432/d?keepalives=1&keepalives_idle=30",
        "postgres://u:p%40%2F%3F@db.example.com/d?application_name=x&pgbouncer=false",
    ] {
        read(url);
    }
}

#[test]
fn what_is_not_understood_is_named_and_never_its_value() {
    for (url, expected) in [
        ("planted", "expected postgres://"),
        ("mysql://u:planted@h/d", "expected postgres://"),
        ("postgres://u:planted@h:port/d", "expected postgres://"),
        (
            "postgres://u:p@h/d?pasword=planted",
            "parameter `pasword` is unknown",
        ),
        (
            "postgres://u:p@h/d?sslmod=planted",
            "parameter `sslmod` is unknown",
        ),
        ("postgres://u:p@h/d?sslmode=full", "a part of it"),
        (
            "postgres://u:p@h/d?sslrootcert=/planted/ca.pem",
            "parameter `sslrootcert` names a file",
        ),
        (
            "postgres://u:p@h/d?sslkey=planted",
            "parameter `sslkey` names a file",
        ),
        (
            "postgres://u:p@h/d?sslrootcert=-----BEGIN%20planted",
            "parameter `sslrootcert` holds no certificates",
        ),
    ] {
        let error = connect_options(url, None).unwrap_err();
        let text = format!(
            "{error}: {}",
            error.source().map(ToString::to_string).unwrap_or_default()
        );

        assert!(text.starts_with(expected), "{url}: {text}");
        assert!(!text.contains("planted"), "{text}");
    }
}

#[test]
fn poolers_in_transaction_mode_are_refused_with_what_to_use_instead() {
    for (url, expected) in [
        (
            "postgres://u:p@ep-a-b-123-pooler.us-east-2.aws.neon.tech/d",
            "-pooler",
        ),
        (
            "postgres://u.ref:p@aws-0-eu-west-1.pooler.supabase.com:6543/postgres",
            "port 5432",
        ),
        (
            "postgres://u:p@db.ref.supabase.co:6543/postgres",
            "port 5432",
        ),
        (
            "postgres://u:p@db.example.com:6432/d?pgbouncer=true",
            "session mode",
        ),
    ] {
        let error = connect_options(url, None).unwrap_err();

        assert!(matches!(error, UrlError::TransactionPooler { .. }), "{url}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn certificates_come_from_the_url_from_a_file_and_from_the_setting() {
    let own: CaCertificates = certificate().parse().unwrap();
    let count = |options: PgConnectOptions| {
        format!("{options:?}")
            .matches("45, 45, 66, 69, 71, 73, 78")
            .count()
    };
    let encoded =
        percent_encoding::utf8_percent_encode(own.as_pem(), percent_encoding::NON_ALPHANUMERIC);
    let file = std::env::temp_dir().join(format!("cistern-ca-{}.pem", std::process::id()));
    fs::write(&file, own.as_pem()).unwrap();

    for (url, ca, expected) in [
        ("postgres://u@h/d".to_owned(), None, 0),
        ("postgres://u@h/d".to_owned(), Some(&own), 1),
        (format!("postgres://u@h/d?sslrootcert={encoded}"), None, 1),
        (
            format!("postgres://u@h/d?sslrootcert={encoded}"),
            Some(&own),
            2,
        ),
        (
            format!("postgres://u@h/d?sslrootcert={}", file.display()),
            None,
            1,
        ),
        (
            "postgres://u@x.abc.us-east-1.rds.amazonaws.com/d?sslrootcert=system".to_owned(),
            None,
            3,
        ),
        (
            "postgres://u@x.abc.us-east-1.rds.amazonaws.com/d".to_owned(),
            Some(&own),
            4,
        ),
    ] {
        assert_eq!(count(connect_options(&url, ca).unwrap()), expected, "{url}");
    }
    fs::remove_file(file).unwrap();
}
