use std::time::Duration;

use event_store::{LoadOutcome, Store};
use sqlx::PgPool;

use crate::support::*;

const BATCHES: u32 = 12;
const SIZE: u32 = 100;

/// Loads batches, each of which shares half of its events with the one before; returns the number of new rows.
async fn load_all(store: Store, prefix: &'static str, order: Vec<u32>) -> u64 {
    let mut inserted = 0;
    for number in order {
        let first = number * SIZE / 2;
        let batch = batch(events(first..first + SIZE, THURSDAY));
        let key = key(&format!("{prefix}{number}"));
        match store.load_batch(&key, &batch).await.unwrap() {
            LoadOutcome::Loaded(counts) => inserted += counts.stored,
            LoadOutcome::AlreadyLoaded => {}
        }
    }
    inserted
}

async fn deadlocks(pool: &PgPool) -> i64 {
    number(
        pool,
        "select deadlocks from pg_stat_database where datname = current_database()",
    )
    .await
}

#[sqlx::test(migrations = "../../../migrations")]
async fn two_loaders_of_the_same_batches_in_opposite_order_store_each_event_once(pool: PgPool) {
    let up = tokio::spawn(load_all(store(&pool), "same", (0..BATCHES).collect()));
    let down = tokio::spawn(load_all(store(&pool), "same", (0..BATCHES).rev().collect()));

    let inserted = up.await.unwrap() + down.await.unwrap();

    let distinct = i64::from((BATCHES + 1) * SIZE / 2);
    assert_eq!(event_count(&pool).await, distinct);
    assert_eq!(i64::try_from(inserted).unwrap(), distinct);
    assert_eq!(
        number(&pool, "select count(*) from batches").await,
        i64::from(BATCHES)
    );
    assert_eq!(deadlocks(&pool).await, 0);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn two_loaders_of_the_same_events_in_other_batches_store_each_event_once(pool: PgPool) {
    let up = tokio::spawn(load_all(store(&pool), "up", (0..BATCHES).collect()));
    let down = tokio::spawn(load_all(store(&pool), "down", (0..BATCHES).rev().collect()));

    let inserted = up.await.unwrap() + down.await.unwrap();

    let distinct = i64::from((BATCHES + 1) * SIZE / 2);
    assert_eq!(event_count(&pool).await, distinct);
    assert_eq!(i64::try_from(inserted).unwrap(), distinct);
    assert_eq!(
        number(&pool, "select sum(inserted) from batches").await,
        distinct
    );
    assert_eq!(deadlocks(&pool).await, 0);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn second_loader_of_a_batch_waits_for_the_first_and_then_skips(pool: PgPool) {
    // A first loader, inside its transaction.
    let mut first = pool.begin().await.unwrap();
    sqlx::query("insert into batches (batch_key, events, inserted, rejected, sanitized) values ($1, 0, 0, 0, 0)")
        .bind(key("a").as_str())
        .execute(&mut *first)
        .await
        .unwrap();

    let store = store(&pool);
    let second = tokio::spawn(async move {
        let batch = batch(events(0..10, THURSDAY));
        store.load_batch(&key("a"), &batch).await
    });
    until_store_waits(&pool).await;
    first.commit().await.unwrap();

    assert_eq!(second.await.unwrap().unwrap(), LoadOutcome::AlreadyLoaded);
    assert_eq!(event_count(&pool).await, 0);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn operations_beyond_the_connections_wait_their_turn(pool: PgPool) {
    let store = store(&pool);
    let loads = (0..8).map(|number| tokio::spawn(load_all(store.clone(), "b", vec![number])));

    for load in loads.collect::<Vec<_>>() {
        load.await.unwrap();
    }

    assert_eq!(event_count(&pool).await, i64::from(9 * SIZE / 2));
    let backends = number(
        &pool,
        "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'event-store-test'",
    )
    .await;
    assert_eq!(backends, 1);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn week_that_retention_removes_during_a_load_is_made_again(pool: PgPool) {
    reckon_with(&pool, THURSDAY).await;
    let store = store(&pool);
    let first = batch(events(0..10, THURSDAY));
    store.load_batch(&key("first"), &first).await.unwrap();

    // The store's cache still has the week.
    sqlx::query("drop table email_w202423")
        .execute(&pool)
        .await
        .unwrap();
    let second = batch(events(10..20, THURSDAY));
    let outcome = tokio::time::timeout(
        Duration::from_secs(20),
        store.load_batch(&key("second"), &second),
    )
    .await
    .unwrap()
    .unwrap();

    assert_eq!(outcome, loaded(10, 0, 0));
    assert_eq!(weeks(&pool).await, ["email_w202423"]);
}
