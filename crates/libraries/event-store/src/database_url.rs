//! Reading a Postgres URL, strictly: what is left out, or not understood, must not make a connection weaker than its
//! author thinks.

use std::{fs, net::IpAddr};

use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgSslMode},
};
use url::Url;

use crate::{CaCertificates, CaError, certificates};

/// A URL that is of no use. The text holds no value of it, which may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// It is no URL of a Postgres server.
    #[error(
        "expected postgres://user:password@host:5432/database?sslmode=verify-full, with special characters of the password percent-encoded"
    )]
    NotPostgres,
    /// A parameter is not one.
    #[error("parameter `{name}` is unknown")]
    UnknownParameter {
        /// Its name, shortened.
        name: String,
    },
    /// A part has a value that it cannot have.
    #[error("a part of it has a value that it cannot have")]
    Value(#[source] sqlx::Error),
    /// A certificate or key is in a file that is not there.
    #[error(
        "parameter `{name}` names a file that cannot be read here; a function has no files but its own: give what is in it, or an authority's certificate as DATABASE_CA"
    )]
    File {
        /// The parameter.
        name: String,
    },
    /// What should be the certificates of authorities is something else.
    #[error("parameter `{name}` holds no certificates")]
    Certificates {
        /// The parameter.
        name: String,
        /// What is wrong with them.
        source: CaError,
    },
    /// The server is a pooler that hands connections from client to client.
    #[error(
        "this is a pooler in transaction mode, which keeps neither settings nor locks of a connection: {instead}"
    )]
    TransactionPooler {
        /// What to use.
        instead: &'static str,
    },
}

/// Parameters of libpq, and of clients whose URLs people paste, that say nothing to this client or that it always does.
/// Channel binding is one: with `verify-full` nobody can stand in between.
const WITHOUT_MEANING: [&str; 24] = [
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "connection_limit",
    "fallback_application_name",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "pool_timeout",
    "requiressl",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcompression",
    "sslnegotiation",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "uselibpqcompat",
];

/// Parameters that sqlx understands and nothing has to be done about.
const UNDERSTOOD: [&str; 11] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-mode",
    "sslmode",
    "statement-cache-capacity",
    "user",
];

/// What a URL stands for, with the authorities whose certificates are trusted: those of `ca`, too, if there are any.
///
/// Without `sslmode` the certificate of a server on another machine is verified in full.
pub(crate) fn connect_options(
    text: &str,
    ca: Option<&CaCertificates>,
) -> Result<PgConnectOptions, UrlError> {
    let given = Url::parse(text).map_err(|_| UrlError::NotPostgres)?;
    if !["postgres", "postgresql"].contains(&given.scheme()) {
        return Err(UrlError::NotPostgres);
    }
    // sqlx would log a parameter that it does not know with its value, and take a certificate for a file's name.
    let mut understood = given.clone();
    understood.set_query(None);
    let mut tls = Tls::default();
    for (name, value) in given.query_pairs() {
        if !tls.take(&name, &value)? && !has_no_meaning(&name, &value)? {
            if !UNDERSTOOD.contains(&&*name) && !name.starts_with("options[") {
                let name = name.chars().take(MAX_NAME_CHARS).collect();
                return Err(UrlError::UnknownParameter { name });
            }
            understood.query_pairs_mut().append_pair(&name, &value);
        }
    }

    let options = PgConnectOptions::from_url(&understood).map_err(UrlError::Value)?;
    refuse_transaction_pooler(&options)?;
    Ok(tls.apply(options, ca))
}

/// How much of an unknown parameter's name is told.
const MAX_NAME_CHARS: usize = 40;

/// What a URL says about certificates.
#[derive(Default)]
struct Tls {
    names_mode: bool,
    roots: Option<CaCertificates>,
    client_certificate: Option<String>,
    client_key: Option<String>,
}

impl Tls {
    /// Takes a parameter that is about certificates; false if another has to.
    fn take(&mut self, name: &str, value: &str) -> Result<bool, UrlError> {
        match name {
            "sslmode" | "ssl-mode" => {
                self.names_mode = true;
                return Ok(false);
            }
            // As libpq has it: the authorities that everybody trusts, who are trusted in any case.
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" if value == "system" => {}
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => {
                let roots = pem(name, value)?.parse();
                self.roots = Some(roots.map_err(|source| UrlError::Certificates {
                    name: name.to_owned(),
                    source,
                })?);
            }
            "sslcert" | "ssl-cert" => self.client_certificate = Some(pem(name, value)?),
            "sslkey" | "ssl-key" => self.client_key = Some(pem(name, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn apply(self, mut options: PgConnectOptions, ca: Option<&CaCertificates>) -> PgConnectOptions {
        if !self.names_mode && !is_on_this_machine(&options) {
            options = options.ssl_mode(PgSslMode::VerifyFull);
        }
        let own = match self.roots {
            Some(roots) => Some(roots.and(ca)),
            None => ca.cloned(),
        };
        if let Some(roots) = certificates::roots(options.get_host(), own.as_ref()) {
            options = options.ssl_root_cert_from_pem(roots.into_bytes());
        }
        if let Some(certificate) = self.client_certificate {
            options = options.ssl_client_cert_from_pem(certificate);
        }
        if let Some(key) = self.client_key {
            options = options.ssl_client_key_from_pem(key);
        }
        options
    }
}

/// What a parameter says in PEM form, or the file says that it names.
fn pem(name: &str, value: &str) -> Result<String, UrlError> {
    if value.trim_start().starts_with("-----BEGIN") {
        return Ok(value.to_owned());
    }
    fs::read_to_string(value).map_err(|_| UrlError::File {
        name: name.to_owned(),
    })
}

fn has_no_meaning(name: &str, value: &str) -> Result<bool, UrlError> {
    if name == "pgbouncer" && value == "true" {
        return Err(UrlError::TransactionPooler {
            instead: "give the server itself, or a pooler in session mode, without pgbouncer=true",
        });
    }
    Ok(name == "pgbouncer" || WITHOUT_MEANING.contains(&name))
}

/// Whether nobody can stand between here and the server.
fn is_on_this_machine(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    options.get_socket().is_some()
        || is_loopback
        || host.eq_ignore_ascii_case("localhost")
        || host.starts_with('/')
}

/// Refuses the transaction poolers of providers that can be told by their names. Others are found out when the database is
/// migrated.
fn refuse_transaction_pooler(options: &PgConnectOptions) -> Result<(), UrlError> {
    let host = options.get_host().to_ascii_lowercase();
    let (first_label, domain) = host.split_once('.').unwrap_or((&host, ""));
    let is_supabase = domain.ends_with("supabase.com") || domain.ends_with("supabase.co");
    let instead = if domain.ends_with("neon.tech") && first_label.ends_with("-pooler") {
        "take -pooler out of the host's name"
    } else if is_supabase && options.get_port() == 6543 {
        "give port 5432, which is that of session mode"
    } else {
        return Ok(());
    };
    Err(UrlError::TransactionPooler { instead })
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn read(url: &str) -> PgConnectOptions {
        connect_options(url, None).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    fn mode(url: &str) -> String {
        format!("{:?}", read(url).get_ssl_mode())
    }

    fn certificate() -> String {
        let rds = include_str!("../certificates/rds.pem");
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
}
