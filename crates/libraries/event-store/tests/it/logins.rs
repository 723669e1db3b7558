//! Refused logins, and proxies in front of a server.

use std::time::{Duration, Instant};

use event_store::{DatabaseConfig, ErrorKind, Login, Store, StoreError};
use postgres_stand_in::{Behaviour, Cluster, Logins, Proxy};
use sqlx::{ConnectOptions, PgPool};

use crate::support::*;

/// The URL of a test's database, at another port.
fn url_at(pool: &PgPool, port: u16) -> String {
    let options = pool.connect_options().as_ref().clone();
    options
        .host("127.0.0.1")
        .port(port)
        .to_url_lossy()
        .to_string()
}

async fn before(pool: &PgPool, behaviour: Behaviour) -> Proxy {
    let port = pool.connect_options().get_port();
    Proxy::before(port, behaviour).await.unwrap()
}

#[sqlx::test(migrations = false)]
async fn poolers_that_take_no_options_are_migrated_loaded_and_searched_through(pool: PgPool) {
    for (batch_name, behaviour) in [("a", Behaviour::RdsProxy), ("b", Behaviour::SessionPooler)] {
        let proxy = before(&pool, behaviour).await;
        let store = store_at(&url_at(&pool, proxy.port()));

        store.migrate().await.unwrap();
        store.maintain(&no_maintenance(THURSDAY)).await.unwrap();
        // The second batch takes the staged merge, with a temporary table.
        let first = batch(events(0..20, THURSDAY));
        let second = batch(events(10..30, THURSDAY));
        let load = async |name: &str, batch| {
            let key = key(&format!("{batch_name}-{name}"));
            store.load_batch(&key, batch).await.unwrap()
        };
        load("first", &first).await;
        load("second", &second).await;

        assert_eq!(event_count(&pool).await, 30);
        assert!(store.migration_version().await.unwrap() > 0);
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn settings_hold_on_each_connection(pool: PgPool) {
    let proxy = before(&pool, Behaviour::SessionPooler).await;
    let mut config = config(&pool);
    config.url = url_at(&pool, proxy.port()).into();
    config.statement_timeout = Duration::from_millis(300);
    let store = Store::connect_lazy(&config).unwrap();
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("lock table batches")
        .execute(&mut *lock)
        .await
        .unwrap();

    let error = store.is_loaded(&key("a")).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::TooSlow, "{error:?}");
    assert_eq!(error.sqlstate().as_deref(), Some("57014"));
}

#[sqlx::test(migrations = false)]
async fn pooler_in_transaction_mode_is_refused_before_anything_is_changed(pool: PgPool) {
    let proxy = before(&pool, Behaviour::TransactionPooler).await;

    let error = store_at(&url_at(&pool, proxy.port()))
        .migrate()
        .await
        .unwrap_err();

    assert!(matches!(error, StoreError::TransactionPooler), "{error:?}");
    assert!(error.to_string().contains("session mode"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Refused);
    let tables = "select count(*) from pg_class where relname in ('_sqlx_migrations', 'events')";
    assert_eq!(number(&pool, tables).await, 0);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn refusals_that_pass_are_waited_out_and_the_others_are_told_at_once(pool: PgPool) {
    // The number of attempts for a login that is refused ten times, within half a second.
    for (sqlstate, kind, is_tried_again) in [
        ("57P03", ErrorKind::Unavailable, true),
        ("53300", ErrorKind::Unavailable, true),
        ("53200", ErrorKind::Unavailable, true),
        ("08006", ErrorKind::Unavailable, true),
        // The login timed out: no statement was too slow.
        ("57014", ErrorKind::Unavailable, true),
        ("08P01", ErrorKind::Refused, false),
        ("0A000", ErrorKind::Refused, false),
        ("28000", ErrorKind::Refused, false),
        ("28P01", ErrorKind::Refused, false),
        ("3D000", ErrorKind::Refused, false),
        ("42501", ErrorKind::Refused, false),
        ("22023", ErrorKind::Refused, false),
        ("XX000", ErrorKind::Refused, false),
    ] {
        let behaviour = Behaviour::Refusing {
            logins: 10,
            sqlstate,
        };
        let proxy = before(&pool, behaviour).await;
        let started = Instant::now();

        let error = store_at(&url_at(&pool, proxy.port()))
            .is_loaded(&key("a"))
            .await
            .unwrap_err();

        assert_eq!(error.kind(), kind, "{sqlstate}");
        assert_eq!(error.sqlstate().as_deref(), Some(sqlstate));
        assert!(error.is_of_all() && !error.is_timeout(), "{sqlstate}");
        assert_eq!(
            proxy.logins() > 1,
            is_tried_again,
            "{sqlstate}: {}",
            proxy.logins()
        );
        assert!(started.elapsed() < Duration::from_secs(5), "{sqlstate}");
    }
}

#[sqlx::test(migrations = false)]
async fn login_by_iam_that_fails_now_and_then_is_tried_again_and_never_for_ever(pool: PgPool) {
    let cluster = Cluster::start(&programs(&pool).await, Logins::Trusted)
        .await
        .unwrap();
    let store = async |logins, retry_for| {
        let behaviour = Behaviour::Refusing {
            logins,
            sqlstate: "28000",
        };
        let proxy = Proxy::before(cluster.port(), behaviour).await.unwrap();
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port());
        let mut config = DatabaseConfig::new(url.into(), "event-store-test");
        config.login = Login::Iam;
        config.retry_for = retry_for;
        (Store::connect_lazy(&config).unwrap(), proxy)
    };

    // The two connections of the first check, and one for the work.
    let (passing, proxy) = store(2, Duration::from_secs(10)).await;
    passing.migrate().await.unwrap();
    assert_eq!(proxy.logins(), 2 + 3);

    let (failing, proxy) = store(usize::MAX, Duration::from_millis(500)).await;
    let error = failing.is_loaded(&key("a")).await.unwrap_err();
    assert!(matches!(error, StoreError::IamLogin(_)), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!((2..10).contains(&proxy.logins()), "{}", proxy.logins());
}
