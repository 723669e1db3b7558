//! Events of any age: the widths of their partitions, and the retention's limit.

use std::time::Duration;

use event_model::sparkpost::Event;
use event_store::Maintenance;
use sqlx::{Executor, PgPool, migrate::Migrator};
use time::{OffsetDateTime, macros::datetime};

use crate::support::*;

static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations");

const WEEK: time::Duration = time::Duration::WEEK;

/// Events a week apart, the last one now, in an order unrelated to time.
fn one_each_week(count: u32) -> Vec<Event<'static>> {
    let now = OffsetDateTime::now_utc();
    let scattered = (0..count).map(|number| number * 541 % count);
    scattered
        .map(|age| event(age, now - WEEK * i32::try_from(age).unwrap()))
        .collect()
}

#[sqlx::test(migrations = "../../../migrations")]
async fn batch_of_a_thousand_weeks_loads_into_few_partitions(pool: PgPool) {
    let store = store(&pool);
    let since_2010 = (OffsetDateTime::now_utc() - datetime!(2009-12-28 0:00 UTC)).whole_weeks();
    let stored = u64::try_from(since_2010).unwrap().min(999) + 1;
    let all = batch(one_each_week(1_000));

    let outcome = store.load_batch(&key("all"), &all).await.unwrap();
    let again = store.load_batch(&key("again"), &all).await.unwrap();

    assert_eq!(outcome, loaded(stored, 0, 1_000 - stored));
    assert_eq!(again, loaded(0, stored, 1_000 - stored));
    // The years up to this one, the last 13 weeks and this one.
    let years = usize::try_from(OffsetDateTime::now_utc().year() - 2009).unwrap();
    let made = weeks(&pool).await;
    assert!(made.len() <= years + 1 + 14, "{made:?}");
}

#[sqlx::test(migrations = "../../../migrations")]
async fn week_after_week_comes_to_as_few_partitions_in_any_order(pool: PgPool) {
    let store = store(&pool);
    for (number, event) in one_each_week(300).into_iter().enumerate() {
        let key = key(&number.to_string());
        store.load_batch(&key, &batch(vec![event])).await.unwrap();
    }

    assert_eq!(event_count(&pool).await, 300);
    assert!(weeks(&pool).await.len() <= 7 + 14);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn partition_is_cut_to_the_gap_between_its_neighbours(pool: PgPool) {
    reckon_with(&pool, datetime!(2024-03-07 0:00 UTC)).await;
    // Recent weeks, followed by most of a year without any.
    pool.execute("select ensure_partition('2024-03-07'), ensure_partition('2024-02-01')")
        .await
        .unwrap();
    reckon_with(&pool, datetime!(2025-03-06 0:00 UTC)).await;
    for at in [
        "2024-02-20",
        "2024-01-09",
        "2024-07-01",
        "2023-05-05",
        "2024-12-01",
    ] {
        let sql = format!("select ensure_partition('{at}')");
        pool.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    }

    assert_eq!(
        weeks(&pool).await,
        [
            "email_w202301_52",
            "email_w202401_04",
            "email_w202405",
            "email_w202406_04",
            "email_w202410",
            // Up to the first partitions of one week, 13 before 2025-03-03.
            "email_w202411_38",
        ]
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn partition_made_by_hand_is_respected_wherever_it_lies(pool: PgPool) {
    pool.execute(
        "create table by_hand partition of email_events for values from ('2024-06-05') to ('2024-06-07 12:00Z');
         create table \"by hand\" partition of email_events for values from ('2024-12-30') to (maxvalue)",
    )
    .await
    .unwrap();
    reckon_with(&pool, THURSDAY).await;
    let spread = [
        datetime!(2024-06-03 0:00 UTC),
        datetime!(2024-06-06 0:00 UTC),
        datetime!(2024-06-09 0:00 UTC),
        datetime!(2026-01-01 0:00 UTC),
    ];
    let spread = (0..).zip(spread).map(|(id, at)| event(id, at)).collect();

    let outcome = store(&pool)
        .load_batch(&key("a"), &batch(spread))
        .await
        .unwrap();

    assert_eq!(outcome, loaded(4, 0, 0));
    assert_eq!(weeks(&pool).await.len(), 4);
}

fn keeps(days: u64, now: OffsetDateTime) -> Maintenance {
    Maintenance {
        retention: Some(Duration::from_hours(24 * days)),
        ..no_maintenance(now)
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn what_is_past_the_retention_is_counted_and_leaves_neither_rows_nor_bytes(pool: PgPool) {
    let store = store(&pool);
    store.maintain(&keeps(30, THURSDAY)).await.unwrap();
    let mut mixed = events(0..5, datetime!(2024-04-30 0:00 UTC));
    mixed.extend(events(5..8, datetime!(2023-01-01 0:00 UTC)));
    mixed.extend(events(8..18, THURSDAY));
    // The cutoff is a Tuesday; its week is kept as a whole.
    mixed.push(event(18, datetime!(2024-05-06 0:00 UTC)));
    let mixed = batch(mixed);

    let outcome = store.load_batch(&key("a"), &mixed).await.unwrap();

    assert_eq!(outcome, loaded(11, 0, 8));
    assert_eq!(
        weeks(&pool).await,
        ["email_w202419", "email_w202423"],
        "nothing older came back"
    );
    let kept = "select ordinal || ': ' || reason || length(raw) from email_events_rejected";
    assert_eq!(
        texts(&pool, kept).await,
        [
            "5: past_retention: `timestamp` is before 2024-05-06, from where on events are kept \
             (RetentionDays); 8 of the batch's events are, and are not stored0"
        ]
    );
    // The previous release's loader gets an error that it handles as a time out of range.
    let error = pool
        .execute("select ensure_partition('2024-04-30')")
        .await
        .unwrap_err();
    let code = error
        .as_database_error()
        .unwrap()
        .code()
        .unwrap()
        .into_owned();
    assert_eq!(code, "22008");

    // With a longer retention they are accepted again, under another key.
    store.maintain(&keeps(3_000, THURSDAY)).await.unwrap();
    let outcome = store.load_batch(&key("b"), &mixed).await.unwrap();
    assert_eq!(outcome, loaded(8, 11, 0));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn events_of_a_partition_that_is_still_there_are_loaded(pool: PgPool) {
    let store = store(&pool);
    reckon_with(&pool, datetime!(2024-05-01 0:00 UTC)).await;
    let first = batch(events(0..1, datetime!(2024-05-01 0:00 UTC)));
    store.load_batch(&key("a"), &first).await.unwrap();
    // A reader delays the retention.
    let mut reader = pool.begin().await.unwrap();
    reader
        .execute("select count(*) from email_events")
        .await
        .unwrap();
    sqlx::query("update partition_policy set kept_from = $1")
        .bind(THURSDAY)
        .execute(&pool)
        .await
        .unwrap();

    let second = batch(events(1..2, datetime!(2024-05-02 0:00 UTC)));
    let outcome = store.load_batch(&key("b"), &second).await.unwrap();

    assert_eq!(outcome, loaded(1, 0, 0));
    reader.rollback().await.unwrap();
}

#[sqlx::test(migrations = "../../../migrations")]
async fn with_a_retention_partitions_of_old_events_are_as_narrow_as_it_asks(pool: PgPool) {
    let store = store(&pool);
    for (days, widest) in [(365, 1), (600, 10), (800, 13)] {
        pool.execute(
            "do $$
             declare part text;
             begin
                 for part in select name from event_partitions() loop
                     execute 'drop table ' || part;
                 end loop;
             end $$",
        )
        .await
        .unwrap();
        store.maintain(&keeps(days, THURSDAY)).await.unwrap();
        let weeks = i32::try_from(days / 7).unwrap();
        let spread = (0..weeks).map(|age| event(age.unsigned_abs(), THURSDAY - WEEK * age));
        let spread = batch(spread.collect());
        let key = key(&days.to_string());
        store.load_batch(&key, &spread).await.unwrap();

        let found = number(
            &pool,
            "select max(extract(epoch from hi - lo) / 604800)::bigint from event_partitions()",
        )
        .await;
        assert_eq!(found, widest, "{days}");
    }
}

#[sqlx::test(migrations = false)]
async fn weeks_of_the_last_release_go_on_as_they_are(pool: PgPool) {
    let all: Vec<_> = MIGRATIONS.iter().cloned().collect();
    let released = all
        .into_iter()
        .filter(|migration| migration.version <= 20_261_122_090_000);
    Migrator::with_migrations(released.collect())
        .run(&pool)
        .await
        .unwrap();
    pool.execute(
        "select ensure_partition(week)
         from generate_series('2023-01-05'::timestamptz, '2024-06-06', '7 days') as week",
    )
    .await
    .unwrap();
    let sql = "select inhrelid::regclass::text from pg_inherits where inhparent = 'events'::regclass order by 1";
    let before: Vec<_> = texts(&pool, sql)
        .await
        .iter()
        .map(|name| name.replace("events_", "email_"))
        .collect();
    assert_eq!(before.len(), 75);

    let store = store(&pool);
    store.migrate().await.unwrap();
    reckon_with(&pool, THURSDAY).await;

    // The call of the previous release's loader, for existing weeks, near and far.
    for (at, expected) in [("2023-05-05", 0), ("2024-06-13", 1), ("2019-05-05", 1)] {
        let sql = format!("select ensure_partition('{at}')::int::bigint");
        assert_eq!(number(&pool, &sql).await, expected, "{at}");
    }
    let spread = batch(vec![
        event(1, datetime!(2023-03-03 0:00 UTC)),
        event(2, datetime!(2019-03-03 0:00 UTC)),
        event(3, THURSDAY),
    ]);
    let outcome = store.load_batch(&key("a"), &spread).await.unwrap();
    assert_eq!(outcome, loaded(3, 0, 0));
    let after = weeks(&pool).await;
    assert!(before.iter().all(|week| after.contains(week)));
    assert_eq!(after.len(), before.len() + 2);
    assert!(after.contains(&"email_w201901_52".to_owned()));
}
