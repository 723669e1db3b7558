//! Logins that are refused, and what may stand before a server.

use std::time::{Duration, Instant};

use event_store::{DatabaseConfig, Login, Store, StoreError, Trouble};
use postgres_stand_in::{Cluster, Front, Logins, Manner};
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

async fn before(pool: &PgPool, manner: Manner) -> Front {
    let port = pool.connect_options().get_port();
    Front::before(port, manner).await.unwrap()
}

#[sqlx::test(migrations = false)]
async fn poolers_that_take_no_options_are_migrated_loaded_and_searched_through(pool: PgPool) {
    for (batch_name, manner) in [("a", Manner::RdsProxy), ("b", Manner::SessionPooler)] {
        let front = before(&pool, manner).await;
        let store = store_at(&url_at(&pool, front.port()));

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
    let front = before(&pool, Manner::SessionPooler).await;
    let mut config = config(&pool);
    config.url = url_at(&pool, front.port()).into();
    config.statement_timeout = Duration::from_millis(300);
    let store = Store::connect_lazy(&config).unwrap();
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("lock table batches")
        .execute(&mut *lock)
        .await
        .unwrap();

    let error = store.is_loaded(&key("a")).await.unwrap_err();

    assert_eq!(error.trouble(), Trouble::TooSlow, "{error:?}");
    assert_eq!(error.sqlstate().as_deref(), Some("57014"));
}

#[sqlx::test(migrations = false)]
async fn pooler_in_transaction_mode_is_refused_before_anything_is_changed(pool: PgPool) {
    let front = before(&pool, Manner::TransactionPooler).await;

    let error = store_at(&url_at(&pool, front.port()))
        .migrate()
        .await
        .unwrap_err();

    assert!(matches!(error, StoreError::TransactionPooler), "{error:?}");
    assert!(error.to_string().contains("session mode"), "{error}");
    assert_eq!(error.trouble(), Trouble::Refused);
    let tables = "select count(*) from pg_class where relname in ('_sqlx_migrations', 'events')";
    assert_eq!(number(&pool, tables).await, 0);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn refusals_that_pass_are_waited_out_and_the_others_are_told_at_once(pool: PgPool) {
    // How often a login is tried that is refused ten times, within half a second.
    for (sqlstate, trouble, is_tried_again) in [
        ("57P03", Trouble::Unavailable, true),
        ("53300", Trouble::Unavailable, true),
        ("53200", Trouble::Unavailable, true),
        ("08006", Trouble::Unavailable, true),
        // The time for logging in is up: no statement was too slow.
        ("57014", Trouble::Unavailable, true),
        ("08P01", Trouble::Refused, false),
        ("0A000", Trouble::Refused, false),
        ("28000", Trouble::Refused, false),
        ("28P01", Trouble::Refused, false),
        ("3D000", Trouble::Refused, false),
        ("42501", Trouble::Refused, false),
        ("22023", Trouble::Refused, false),
        ("XX000", Trouble::Refused, false),
    ] {
        let manner = Manner::Refusing {
            logins: 10,
            sqlstate,
        };
        let front = before(&pool, manner).await;
        let started = Instant::now();

        let error = store_at(&url_at(&pool, front.port()))
            .is_loaded(&key("a"))
            .await
            .unwrap_err();

        assert_eq!(error.trouble(), trouble, "{sqlstate}");
        assert_eq!(error.sqlstate().as_deref(), Some(sqlstate));
        assert!(error.is_of_all() && !error.is_timeout(), "{sqlstate}");
        assert_eq!(
            front.logins() > 1,
            is_tried_again,
            "{sqlstate}: {}",
            front.logins()
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
        let manner = Manner::Refusing {
            logins,
            sqlstate: "28000",
        };
        let front = Front::before(cluster.port(), manner).await.unwrap();
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", front.port());
        let mut config = DatabaseConfig::new(url.into(), "event-store-test");
        config.login = Login::Iam;
        config.retry_for = retry_for;
        (Store::connect_lazy(&config).unwrap(), front)
    };

    // The two connections of the first look, and one for the work.
    let (passing, front) = store(2, Duration::from_secs(10)).await;
    passing.migrate().await.unwrap();
    assert_eq!(front.logins(), 2 + 3);

    let (failing, front) = store(usize::MAX, Duration::from_millis(500)).await;
    let error = failing.is_loaded(&key("a")).await.unwrap_err();
    assert!(matches!(error, StoreError::IamLogin(_)), "{error:?}");
    assert_eq!(error.trouble(), Trouble::Unavailable);
    assert!((2..10).contains(&front.logins()), "{}", front.logins());
}
