//! Broken connections and dropped calls, each in the middle of a load.

use std::time::Duration;

use event_store::StoreError;
use sqlx::{PgPool, PgTransaction};
use tokio::time::timeout;

use crate::support::*;

/// Keeps loads waiting before their first row.
async fn block_loads(pool: &PgPool) -> PgTransaction<'_> {
    let mut blocker = pool.begin().await.unwrap();
    sqlx::query("lock table email_events in share mode")
        .execute(&mut *blocker)
        .await
        .unwrap();
    blocker
}

async fn terminate(pool: &PgPool, pid: i64) {
    sqlx::query("select pg_terminate_backend($1::bigint::int)")
        .bind(pid)
        .execute(pool)
        .await
        .unwrap();
}

/// The number of the store's backends in a transaction.
const IN_TRANSACTION: &str = "
    select count(*)
    from pg_stat_activity
    where datname = current_database()
        and application_name = 'event-store-test'
        and xact_start is not null";

/// A backend detects a dropped connection after a moment.
async fn until_rolled_back(pool: &PgPool) {
    let sql = format!("select (({IN_TRANSACTION}) = 0)::int::bigint");
    until(pool, &sql).await;
}

#[sqlx::test(migrations = "../../../migrations")]
async fn connection_lost_in_mid_load_is_made_anew_and_nothing_is_doubled(pool: PgPool) {
    let store = store(&pool);
    let warm_up = batch(events(0..10, THURSDAY));
    store.load_batch(&key("warm-up"), &warm_up).await.unwrap();
    let blocker = block_loads(&pool).await;

    let load = tokio::spawn({
        let store = store.clone();
        async move {
            let batch = batch(events(0..100, THURSDAY));
            store.load_batch(&key("a"), &batch).await
        }
    });
    let pid = until_store_waits(&pool).await;
    terminate(&pool, pid).await;
    // The load is repeated on another connection, and waits again.
    let sql = format!(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and pid <> {pid}"
    );
    until(&pool, &sql).await;
    blocker.rollback().await.unwrap();

    assert_eq!(load.await.unwrap().unwrap(), loaded(90, 10, 0));
    assert_eq!(event_count(&pool).await, 100);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn kept_connection_that_died_between_calls_goes_unnoticed(pool: PgPool) {
    let store = store(&pool);
    assert!(!store.is_loaded(&key("a")).await.unwrap());
    let pid = number(
        &pool,
        "select pid::bigint from pg_stat_activity where datname = current_database() and application_name = 'event-store-test'",
    )
    .await;
    terminate(&pool, pid).await;

    assert!(!store.is_loaded(&key("a")).await.unwrap());
}

#[sqlx::test(migrations = "../../../migrations")]
async fn load_that_is_dropped_leaves_nothing_and_can_be_repeated(pool: PgPool) {
    let store = store(&pool);
    let (key, batch) = (key("a"), batch(events(0..100, THURSDAY)));
    let blocker = block_loads(&pool).await;

    tokio::select! {
        biased;
        _ = store.load_batch(&key, &batch) => panic!("nothing can be loaded while blocked"),
        _ = until_store_waits(&pool) => {}
    }
    blocker.rollback().await.unwrap();
    until_rolled_back(&pool).await;

    assert_eq!(event_count(&pool).await, 0);
    assert_eq!(number(&pool, "select count(*) from batches").await, 0);
    let outcome = store.load_batch(&key, &batch).await.unwrap();
    assert_eq!(outcome, loaded(100, 0, 0));
    assert_eq!(number(&pool, IN_TRANSACTION).await, 0);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn load_that_runs_into_the_statement_timeout_fails_as_one_and_leaves_nothing(pool: PgPool) {
    let mut config = config(&pool);
    config.statement_timeout = Duration::from_millis(200);
    let store = event_store::Store::connect_lazy(&config).unwrap();
    let batch = batch(events(0..100, THURSDAY));
    let blocker = block_loads(&pool).await;

    let error = store.load_batch(&key("a"), &batch).await.unwrap_err();

    assert!(error.is_timeout() && !error.is_transient(), "{error:?}");
    blocker.rollback().await.unwrap();
    until_rolled_back(&pool).await;
    let outcome = store.load_batch(&key("a"), &batch).await.unwrap();
    assert_eq!(outcome, loaded(100, 0, 0));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn database_that_cannot_be_reached_is_given_up_in_time(pool: PgPool) {
    let mut config = config(&pool);
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port();
    config.url = format!("postgres://nobody:planted@127.0.0.1:{port}/nothing").into();
    config.retry_for = Duration::from_millis(300);
    let store = event_store::Store::connect_lazy(&config).unwrap();

    let error = timeout(Duration::from_secs(20), store.is_loaded(&key("a")))
        .await
        .unwrap()
        .unwrap_err();

    assert!(matches!(error, StoreError::Connect(_)), "{error:?}");
    assert!(error.is_transient());
    assert!(!format!("{error:?} {store:?} {config:?}").contains("planted"));
}
