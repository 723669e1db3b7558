use event_store::{Maintenance, MetadataKeyError};
use sqlx::{Executor, PgPool};

use crate::support::*;

fn with_keys(keys: &[&str]) -> Maintenance {
    Maintenance {
        metadata_keys: keys.iter().map(|key| key.parse().unwrap()).collect(),
        ..no_maintenance(THURSDAY)
    }
}

/// Metadata indexes on `email_events`, with whether they cover every week.
async fn indexes(pool: &PgPool) -> Vec<String> {
    texts(
        pool,
        "
        select indexrelid::regclass::text || ' ' || indisvalid
        from pg_index
        where indrelid = 'email_events'::regclass
            and indexrelid::regclass::text like '%meta%'
        order by 1",
    )
    .await
}

/// Without those that every database has.
fn of_metadata(built: &[String]) -> Vec<&str> {
    let built = built.iter().map(String::as_str);
    built.filter(|index| index.contains("_meta_")).collect()
}

/// Postgres's plan for a search by a metadata key.
async fn plan(pool: &PgPool, key: &str) -> String {
    let mut connection = pool.acquire().await.unwrap();
    connection
        .execute("set enable_seqscan = off")
        .await
        .unwrap();
    let lines: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
        "explain select event from email_events where event->'rcpt_meta'->>'{key}' = 'u7' order by ts"
    )))
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    lines.join("\n")
}

#[sqlx::test(migrations = "../../../migrations")]
async fn key_gets_an_index_on_every_week_and_on_those_to_come(pool: PgPool) {
    reckon_with(&pool, THURSDAY).await;
    let store = store(&pool);
    let last_week = batch(events(
        0..50,
        THURSDAY - std::time::Duration::from_hours(7 * 24),
    ));
    store.load_batch(&key("a"), &last_week).await.unwrap();

    let report = store.maintain(&with_keys(&["user_id"])).await.unwrap();

    assert_eq!(
        of_metadata(&report.indexes_created),
        ["email_w202423_meta_user_id", "email_w202422_meta_user_id"]
    );
    assert_eq!(indexes(&pool).await, ["email_events_meta_user_id true"]);
    let next_week = batch(events(
        0..50,
        THURSDAY + std::time::Duration::from_hours(7 * 24),
    ));
    store.load_batch(&key("b"), &next_week).await.unwrap();
    let plan = plan(&pool, "user_id").await;
    assert_eq!(
        plan.matches("Index Cond: (((event -> 'rcpt_meta'").count(),
        3,
        "{plan}"
    );
    let again = store.maintain(&with_keys(&["user_id"])).await.unwrap();
    assert_eq!(again, event_store::Report::default());
}

#[sqlx::test(migrations = "../../../migrations")]
async fn index_on_a_key_that_was_removed_is_dropped_and_others_are_left(pool: PgPool) {
    reckon_with(&pool, THURSDAY).await;
    let store = store(&pool);
    pool.execute("create index email_events_by_hand on email_events ((event->'rcpt_meta'->>'x'))")
        .await
        .unwrap();
    store
        .maintain(&with_keys(&["user_id", "Order-Id"]))
        .await
        .unwrap();

    let report = store.maintain(&with_keys(&["Order-Id"])).await.unwrap();

    assert_eq!(report.indexes_dropped, ["email_events_meta_user_id"]);
    assert_eq!(
        indexes(&pool).await,
        ["\"email_events_meta_Order-Id\" true"]
    );
    let by_hand = "select count(*) from pg_class where relname = 'email_events_by_hand'";
    assert_eq!(number(&pool, by_hand).await, 1);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn interrupted_building_is_taken_up_again(pool: PgPool) {
    reckon_with(&pool, THURSDAY).await;
    let store = store(&pool);
    for week in 0..3 {
        let from = THURSDAY - std::time::Duration::from_hours(7 * 24 * week);
        store
            .load_batch(&key(&week.to_string()), &batch(events(0..10, from)))
            .await
            .unwrap();
    }
    // Interrupted after the parent's index, after building one part, and while building another.
    pool.execute(
        "create index email_events_meta_user_id on only email_events ((event->'rcpt_meta'->>'user_id'), ts)",
    )
    .await
    .unwrap();
    pool.execute("create index email_w202423_meta_user_id on email_w202423 ((event->'rcpt_meta'->>'user_id'), ts)")
        .await
        .unwrap();
    let mut reader = pool.begin().await.unwrap();
    reader
        .execute("lock table email_w202422 in row exclusive mode")
        .await
        .unwrap();
    let mut builder = pool.acquire().await.unwrap();
    builder.execute("set lock_timeout = '100ms'").await.unwrap();
    builder
        .execute(
            "create index concurrently email_w202422_meta_user_id on email_w202422 ((event->'rcpt_meta'->>'user_id'), ts)",
        )
        .await
        .unwrap_err();
    reader.rollback().await.unwrap();
    // A week that is created meanwhile inherits its index.
    pool.execute("select ensure_partition('2024-06-13')")
        .await
        .unwrap();
    assert_eq!(indexes(&pool).await, ["email_events_meta_user_id false"]);

    let report = store.maintain(&with_keys(&["user_id"])).await.unwrap();

    assert_eq!(
        of_metadata(&report.indexes_created),
        [
            "email_w202423_meta_user_id",
            "email_w202422_meta_user_id",
            "email_w202421_meta_user_id"
        ]
    );
    assert_eq!(indexes(&pool).await, ["email_events_meta_user_id true"]);
    let invalid = "select count(*) from pg_index where not indisvalid and indrelid in (select inhrelid from pg_inherits)";
    assert_eq!(number(&pool, invalid).await, 0);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn batches_load_while_an_index_is_built(pool: PgPool) {
    reckon_with(&pool, THURSDAY).await;
    let store = store(&pool);
    store
        .load_batch(&key("first"), &batch(events(0..500, THURSDAY)))
        .await
        .unwrap();
    // A long writing transaction delays the index build, but no load.
    let mut writer = pool.begin().await.unwrap();
    writer
        .execute("lock table email_w202423 in row exclusive mode")
        .await
        .unwrap();

    let maintenance = tokio::spawn({
        let store = self::store(&pool);
        async move { store.maintain(&with_keys(&["user_id"])).await }
    });
    let building =
        "select count(*) from pg_stat_progress_create_index where datname = current_database()";
    until(&pool, building).await;
    for number in 1..10 {
        let batch = batch(events(number * 100..number * 100 + 200, THURSDAY));
        store
            .load_batch(&key(&number.to_string()), &batch)
            .await
            .unwrap();
    }
    writer.rollback().await.unwrap();

    let report = maintenance.await.unwrap().unwrap();
    assert_eq!(
        of_metadata(&report.indexes_created),
        ["email_w202423_meta_user_id"]
    );
    assert_eq!(indexes(&pool).await, ["email_events_meta_user_id true"]);
    assert_eq!(event_count(&pool).await, 1_100);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn what_cannot_get_its_lock_is_postponed_and_holds_up_nobody(pool: PgPool) {
    reckon_with(&pool, THURSDAY).await;
    let store = store(&pool);
    let mut writer = pool.begin().await.unwrap();
    writer
        .execute("lock table email_events in row exclusive mode")
        .await
        .unwrap();

    let report = store.maintain(&with_keys(&["user_id"])).await.unwrap();

    assert_eq!(
        report.postponed,
        [
            "email_events_unfolded_idx",
            "email_events_provider_ts_idx",
            "email_events_meta_user_id"
        ]
    );
    writer.rollback().await.unwrap();
    let report = store.maintain(&with_keys(&["user_id"])).await.unwrap();
    assert!(report.postponed.is_empty());
    assert_eq!(indexes(&pool).await, ["email_events_meta_user_id true"]);
}

#[test]
fn key_that_could_mean_something_in_sql_is_none() {
    assert_eq!(
        "x') or true --".parse::<event_store::MetadataKey>(),
        Err(MetadataKeyError)
    );
}
