//! Parses a Postgres URL strictly: a missing or unknown part must not make a connection less secure than its author
//! expects.

use std::{fs, net::IpAddr};

use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgSslMode},
};
use url::Url;

use crate::{CaCertificates, CaError, certificates};

/// An unusable URL. The text contains no value of it, which may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// It is not the URL of a Postgres server.
    #[error(
        "expected postgres://user:password@host:5432/database?sslmode=verify-full, with special characters of the password percent-encoded"
    )]
    NotPostgres,
    /// A parameter is unknown.
    #[error("parameter `{name}` is unknown")]
    UnknownParameter {
        /// Its name, shortened.
        name: String,
    },
    /// A part has an invalid value.
    #[error("a part of it has a value that it cannot have")]
    Value(#[source] sqlx::Error),
    /// The file of a certificate or key does not exist.
    #[error(
        "parameter `{name}` names a file that cannot be read here; a function has no files but its own: give what is in it, or an authority's certificate as DATABASE_CA"
    )]
    File {
        /// The parameter.
        name: String,
    },
    /// The certificates of authorities are invalid.
    #[error("parameter `{name}` holds no certificates")]
    Certificates {
        /// The parameter.
        name: String,
        /// The fault.
        source: CaError,
    },
    /// The server is a pooler in transaction mode.
    #[error(
        "this is a pooler in transaction mode, which keeps neither settings nor locks of a connection: {instead}"
    )]
    TransactionPooler {
        /// What to use instead.
        instead: &'static str,
    },
}

/// Parameters of libpq and of other clients that have no effect here, or that this client always applies. Channel
/// binding is one: `verify-full` excludes a man in the middle.
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

/// Parameters that sqlx handles.
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

/// The connection of a URL, and the trusted certificate authorities, including those of `ca`.
///
/// Without `sslmode` the certificate of a remote server is verified completely.
pub(crate) fn connect_options(
    text: &str,
    ca: Option<&CaCertificates>,
) -> Result<PgConnectOptions, UrlError> {
    let given = Url::parse(text).map_err(|_| UrlError::NotPostgres)?;
    if !["postgres", "postgresql"].contains(&given.scheme()) {
        return Err(UrlError::NotPostgres);
    }
    // sqlx would log the value of an unknown parameter, and treat a certificate as the name of a file.
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

/// How much of an unknown parameter's name an error repeats.
const MAX_NAME_CHARS: usize = 40;

/// The parameters of a URL about certificates.
#[derive(Default)]
struct Tls {
    names_mode: bool,
    roots: Option<CaCertificates>,
    client_certificate: Option<String>,
    client_key: Option<String>,
}

impl Tls {
    /// Handles a parameter about certificates; false for other parameters.
    fn take(&mut self, name: &str, value: &str) -> Result<bool, UrlError> {
        match name {
            "sslmode" | "ssl-mode" => {
                self.names_mode = true;
                return Ok(false);
            }
            // As in libpq: the public authorities, which are always trusted.
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

/// The PEM text of a parameter, or of the file that it names.
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

/// Whether the connection excludes a man in the middle.
fn is_on_this_machine(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    options.get_socket().is_some()
        || is_loopback
        || host.eq_ignore_ascii_case("localhost")
        || host.starts_with('/')
}

/// Refuses the transaction poolers of providers that are recognisable by name. Others are detected when the database is
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
mod tests;
