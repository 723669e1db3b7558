//! Which certificates are accepted, and the errors for others, with TLS in Postgres.

use std::time::Instant;

use event_query::Statement;
use event_store::{CertificateProblem, DatabaseConfig, ErrorKind, Store, StoreError};
use postgres_stand_in::{Behaviour, Proxy};
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use sqlx::{ConnectOptions, PgPool};

/// A test's certificate authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A server's certificate and key.
    fn sign(&self, mut params: CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        params.is_ca = IsCa::ExplicitNoCa;
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

fn for_localhost() -> CertificateParams {
    CertificateParams::new(["localhost".to_owned()]).unwrap()
}

/// A server with a certificate and its key.
async fn server(pool: &PgPool, (certificate, key): (String, String)) -> Proxy {
    let port = pool.connect_options().get_port();
    Proxy::before(port, Behaviour::Tls { certificate, key })
        .await
        .unwrap()
}

/// The URL of a test's database, by a name of the machine and a port.
fn url_at(pool: &PgPool, host: &str, port: u16, mode: &str) -> String {
    let options = pool.connect_options().as_ref().clone();
    let mut url = options.host(host).port(port).to_url_lossy();
    url.set_query(Some(&format!("sslmode={mode}")));
    url.to_string()
}

/// Connects like a function with these settings.
async fn connect(url: &str, ca: Option<&str>) -> Result<(), StoreError> {
    let mut config = DatabaseConfig::new(url.to_owned().into(), "event-store-test");
    config.ca = ca.map(|pem| pem.parse().unwrap());
    let statement = Statement {
        sql: "select 1::bigint".to_owned(),
        binds: Vec::new(),
    };
    let started = Instant::now();
    let result = Store::connect_lazy(&config)?.count(&statement).await;
    if result.is_err() {
        assert!(started.elapsed() < config.retry_for, "it is not waited out");
    }
    result.map(|_| ())
}

/// The error for a refused certificate.
async fn refusal(url: &str, ca: Option<&str>) -> (CertificateProblem, String) {
    match connect(url, ca).await.unwrap_err() {
        error @ StoreError::Certificate { problem, .. } => {
            assert_eq!(error.kind(), ErrorKind::Refused);
            assert!(error.is_of_all());
            (problem, error.to_string())
        }
        other => panic!("{other:?}"),
    }
}

#[sqlx::test(migrations = false)]
async fn certificate_is_taken_from_a_trusted_authority_and_for_the_right_host(pool: PgPool) {
    let authority = Authority::new();
    let other = Authority::new();
    let proxy = server(&pool, authority.sign(for_localhost())).await;
    let localhost = |mode| url_at(&pool, "localhost", proxy.port(), mode);
    let address = |mode| url_at(&pool, "127.0.0.1", proxy.port(), mode);

    // An authority that neither the public ones nor RDS's have signed.
    for (url, ca) in [
        (localhost("verify-full"), None),
        (localhost("verify-ca"), None),
        (localhost("verify-full"), Some(other.pem.as_str())),
    ] {
        let (problem, text) = refusal(&url, ca).await;
        assert_eq!(problem, CertificateProblem::Untrusted);
        assert!(
            text.contains("DATABASE_CA") && text.contains("sslmode=require"),
            "{text}"
        );
    }

    let ca = Some(authority.pem.as_str());
    connect(&localhost("verify-full"), ca).await.unwrap();
    connect(&address("verify-ca"), ca).await.unwrap();
    connect(&address("require"), None).await.unwrap();
    let both = format!("{}{}", other.pem, authority.pem);
    connect(&localhost("verify-full"), Some(&both))
        .await
        .unwrap();

    let (problem, text) = refusal(&address("verify-full"), ca).await;
    assert_eq!(problem, CertificateProblem::OtherHost);
    assert!(text.contains("verify-ca"), "{text}");
}

#[sqlx::test(migrations = false)]
async fn certificate_that_has_ended_is_told_as_such(pool: PgPool) {
    let authority = Authority::new();
    let mut params = for_localhost();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
    let proxy = server(&pool, authority.sign(params)).await;
    let url = url_at(&pool, "localhost", proxy.port(), "verify-full");

    let (problem, _) = refusal(&url, Some(&authority.pem)).await;

    assert_eq!(problem, CertificateProblem::OutOfDate);
}

#[sqlx::test(migrations = false)]
async fn server_without_tls_is_not_spoken_to_in_the_clear_unless_that_is_allowed(pool: PgPool) {
    // It refuses TLS.
    let port = pool.connect_options().get_port();
    let proxy = Proxy::before(port, Behaviour::SessionPooler).await.unwrap();

    for mode in ["require", "verify-ca", "verify-full"] {
        let url = url_at(&pool, "localhost", proxy.port(), mode);
        let error = connect(&url, None).await.unwrap_err();

        assert!(matches!(error, StoreError::NoTls(_)), "{error:?}");
        assert!(error.to_string().contains("sslmode=disable"), "{error}");
    }
    assert_eq!(proxy.logins(), 0);
    connect(&url_at(&pool, "localhost", proxy.port(), "disable"), None)
        .await
        .unwrap();
}
