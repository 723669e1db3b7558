use std::time::Duration;

use event_store::{Maintenance, Report};
use sqlx::{Executor, PgPool};
use time::{OffsetDateTime, macros::datetime};

use crate::support::*;

const WEEK: Duration = Duration::from_hours(7 * 24);
const WEEKS_BEFORE_AND_AFTER: [&str; 4] = [
    "email_w202420",
    "email_w202421",
    "email_w202422",
    "email_w202423",
];

/// Four weeks with ten events each, the last one that of [`THURSDAY`].
async fn four_weeks(pool: &PgPool) {
    reckon_with(pool, THURSDAY).await;
    for number in 0..4 {
        let from = THURSDAY - WEEK * (3 - number);
        let batch = batch(events(0..10, from));
        store(pool)
            .load_batch(&key(&number.to_string()), &batch)
            .await
            .unwrap();
    }
    assert_eq!(weeks(pool).await, WEEKS_BEFORE_AND_AFTER);
}

/// Keeps 16 days: the end of week 2024-21, and so the whole week.
fn sixteen_days() -> Maintenance {
    Maintenance {
        retention: Some(Duration::from_hours(16 * 24)),
        ..no_maintenance(THURSDAY)
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn weeks_ahead_are_made_once(pool: PgPool) {
    let store = store(&pool);
    let wanted = Maintenance {
        partitions_ahead: 3,
        ..no_maintenance(OffsetDateTime::now_utc())
    };

    let first = store.maintain(&wanted).await.unwrap();
    let second = store.maintain(&wanted).await.unwrap();

    assert_eq!(first.partitions_created, 4);
    assert_eq!(second, Report::default());
    assert_eq!(weeks(&pool).await.len(), 4);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn more_weeks_ahead_than_are_accepted_are_not_made(pool: PgPool) {
    let wanted = Maintenance {
        partitions_ahead: 1_000,
        ..no_maintenance(OffsetDateTime::now_utc())
    };

    let report = store(&pool).maintain(&wanted).await.unwrap();

    assert!((9..=10).contains(&report.partitions_created), "{report:?}");
}

#[sqlx::test(migrations = "../../../migrations")]
async fn retention_drops_weeks_that_lie_before_it_as_a_whole(pool: PgPool) {
    four_weeks(&pool).await;

    let report = store(&pool).maintain(&sixteen_days()).await.unwrap();

    assert_eq!(report.partitions_dropped, ["email_w202420"]);
    assert_eq!(weeks(&pool).await, WEEKS_BEFORE_AND_AFTER[1..]);
    assert_eq!(event_count(&pool).await, 30);
    let again = store(&pool).maintain(&sixteen_days()).await.unwrap();
    assert_eq!(again, Report::default());
}

#[sqlx::test(migrations = "../../../migrations")]
async fn without_retention_nothing_is_dropped(pool: PgPool) {
    four_weeks(&pool).await;

    let late = no_maintenance(datetime!(2026-06-06 0:00 UTC));
    store(&pool).maintain(&late).await.unwrap();

    assert_eq!(event_count(&pool).await, 40);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn retention_lets_those_who_read_go_on(pool: PgPool) {
    four_weeks(&pool).await;
    let mut reader = pool
        .begin_with("begin isolation level repeatable read")
        .await
        .unwrap();
    reader
        .execute("select count(*) from email_events")
        .await
        .unwrap();

    let maintenance = tokio::spawn({
        let store = store(&pool);
        async move { store.maintain(&sixteen_days()).await }
    });
    // It has begun, and waits for the reader.
    until(
        &pool,
        "select count(*) from pg_inherits where inhdetachpending",
    )
    .await;

    let mut newcomer = pool.acquire().await.unwrap();
    newcomer
        .execute("set lock_timeout = '100ms'")
        .await
        .unwrap();
    newcomer
        .execute("select count(*) from email_events")
        .await
        .unwrap();
    let other = batch(events(100..110, THURSDAY));
    let outcome = store(&pool)
        .load_batch(&key("other"), &other)
        .await
        .unwrap();
    assert_eq!(outcome, loaded(10, 0, 0));
    let seen: i64 = sqlx::query_scalar("select count(*) from email_events where ts < '2024-05-20'")
        .fetch_one(&mut *reader)
        .await
        .unwrap();
    assert_eq!(seen, 10);
    reader.rollback().await.unwrap();

    let report = maintenance.await.unwrap().unwrap();
    assert_eq!(report.partitions_dropped, ["email_w202420"]);
    assert_eq!(event_count(&pool).await, 40);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn what_an_interrupted_retention_left_is_finished(pool: PgPool) {
    four_weeks(&pool).await;
    // The state after a maintenance that was interrupted while it waited for a reader.
    let mut reader = pool.begin().await.unwrap();
    reader
        .execute("select count(*) from email_events")
        .await
        .unwrap();
    let mut first = pool.acquire().await.unwrap();
    first.execute("set lock_timeout = '100ms'").await.unwrap();
    first
        .execute("alter table email_events detach partition email_w202420 concurrently")
        .await
        .unwrap_err();
    reader.rollback().await.unwrap();
    // And after one before it, interrupted between its two steps: the name is that of a week, the table is detached.
    pool.execute("create table email_w202419 (like email_events)")
        .await
        .unwrap();
    let wanted = Maintenance {
        retention: Some(Duration::from_hours(9 * 24)),
        ..no_maintenance(THURSDAY)
    };

    let report = store(&pool).maintain(&wanted).await.unwrap();

    assert_eq!(
        report.partitions_dropped,
        ["email_w202420", "email_w202419", "email_w202421"]
    );
    let tables = "select count(*) from pg_class where relkind = 'r' and relname like 'email_w%'";
    assert_eq!(number(&pool, tables).await, 2);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn week_left_detaching_comes_back_when_it_is_to_be_kept(pool: PgPool) {
    four_weeks(&pool).await;
    let mut reader = pool.begin().await.unwrap();
    reader
        .execute("select count(*) from email_events")
        .await
        .unwrap();
    let mut first = pool.acquire().await.unwrap();
    first.execute("set lock_timeout = '100ms'").await.unwrap();
    first
        .execute("alter table email_events detach partition email_w202420 concurrently")
        .await
        .unwrap_err();
    reader.rollback().await.unwrap();
    assert_eq!(event_count(&pool).await, 30);

    store(&pool)
        .maintain(&no_maintenance(THURSDAY))
        .await
        .unwrap();

    assert_eq!(weeks(&pool).await, WEEKS_BEFORE_AND_AFTER);
    assert_eq!(event_count(&pool).await, 40);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn batches_are_forgotten_after_three_months_and_rejected_events_with_the_retention(
    pool: PgPool,
) {
    pool.execute(
        "
        insert into batches (batch_key, loaded_at, events, inserted, rejected, sanitized)
        values ('old', '2024-03-01', 0, 0, 0, 0), ('new', '2024-04-01', 0, 0, 0, 0);
        insert into email_events_rejected (batch_key, ordinal, reason, raw, rejected_at)
        values ('old', 0, '', '', '2024-05-20'), ('new', 0, '', '', '2024-05-22')",
    )
    .await
    .unwrap();

    let kept = store(&pool)
        .maintain(&no_maintenance(THURSDAY))
        .await
        .unwrap();
    let expired = store(&pool).maintain(&sixteen_days()).await.unwrap();

    assert_eq!((kept.batches_deleted, kept.rejected_deleted), (1, 0));
    assert_eq!((expired.batches_deleted, expired.rejected_deleted), (0, 1));
    assert_eq!(texts(&pool, "select batch_key from batches").await, ["new"]);
    assert_eq!(
        texts(&pool, "select batch_key from email_events_rejected").await,
        ["new"]
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn two_at_once_take_turns(pool: PgPool) {
    let wanted = Maintenance {
        partitions_ahead: 2,
        ..no_maintenance(OffsetDateTime::now_utc())
    };
    let both = [store(&pool), store(&pool)].map(|store| {
        let wanted = wanted.clone();
        tokio::spawn(async move { store.maintain(&wanted).await })
    });

    let mut made = 0;
    for one in both {
        made += one.await.unwrap().unwrap().partitions_created;
    }

    assert_eq!(made, 3);
}

#[sqlx::test(migrations = false)]
async fn migrations_run_once_and_tell_their_version(pool: PgPool) {
    let store = store(&pool);
    assert_eq!(
        store
            .migration_version()
            .await
            .unwrap_err()
            .sqlstate()
            .as_deref(),
        Some("42P01")
    );

    store.migrate().await.unwrap();
    store.migrate().await.unwrap();

    assert_eq!(store.migration_version().await.unwrap(), 20_261_130_090_000);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn code_of_an_earlier_release_accepts_a_newer_schema(pool: PgPool) {
    pool.execute(
        "
        insert into _sqlx_migrations (version, description, success, checksum, execution_time)
        values (99990101000000, 'from the future', true, '', 0)",
    )
    .await
    .unwrap();

    store(&pool).migrate().await.unwrap();
}
