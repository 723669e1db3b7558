//! Merging partitions while events are loaded and deleted.

mod interruptions;

use std::time::Duration;

use event_store::{Maintenance, MergeReport, Merging, Store};
use sqlx::{Executor, PgPool};
use time::{OffsetDateTime, macros::datetime};
use tokio::time::timeout;

use crate::support::*;

/// When the weeks of the first quarter of 2024 are settled in one block.
const LATER: OffsetDateTime = datetime!(2024-07-04 0:00 UTC);
const FIRST_WEEK: OffsetDateTime = datetime!(2024-01-01 0:00 UTC);
const WEEK: time::Duration = time::Duration::WEEK;
const BLOCK: &str = "email_w202401_13";

const MERGING: Merging = Merging {
    now: LATER,
    retention: None,
    time: Duration::from_mins(2),
};

/// This many events in each of the 13 weeks of a quarter, their ids in the order of weeks.
async fn load_quarter(pool: &PgPool, each: u32) {
    reckon_with(pool, datetime!(2024-03-28 0:00 UTC)).await;
    for week in 0..13 {
        let ids = week * each..(week + 1) * each;
        let start = FIRST_WEEK + WEEK * i32::try_from(week).unwrap();
        let batch = batch(ids.map(|id| event(id, at_some_time(id, start))).collect());
        let key = key(&format!("week-{week}"));
        store(pool).load_batch(&key, &batch).await.unwrap();
    }
    assert_eq!(weeks(pool).await.len(), 13);
}

fn at_some_time(id: u32, week: OffsetDateTime) -> OffsetDateTime {
    week + time::Duration::seconds(i64::from(id) * 7_919 % 604_800)
}

/// Merges until there is nothing left to do; returns the reports.
async fn merge_all(store: &Store, merging: &Merging) -> Vec<String> {
    let mut merged = Vec::new();
    for _ in 0..200 {
        let report = store.merge_partitions(merging).await.unwrap();
        if report == MergeReport::default() {
            return merged;
        }
        merged.extend(report.merged);
    }
    panic!("merging never ends: {merged:?}");
}

/// A merge has left nothing behind, and each partition has what `email_events` has.
async fn assert_tidy(pool: &PgPool) {
    for (sql, what) in [
        ("select count(*) from merging", "merges"),
        ("select count(*) from merging_changes", "noted changes"),
        (
            "select count(*) from pg_trigger where tgname like 'note_merging%'",
            "triggers",
        ),
        (
            "select count(*)
             from pg_class
             where relkind = 'r' and relname like 'events\\_w%' and not relispartition",
            "tables apart",
        ),
        (
            "select count(*)
             from pg_constraint
             where contype = 'c' and conrelid in (select inhrelid from pg_inherits)",
            "checks",
        ),
        (
            "select count(*)
             from pg_index as parent, pg_inherits as part
             where parent.indrelid = 'email_events'::regclass
                and part.inhparent = 'email_events'::regclass
                and not exists (
                    select
                    from pg_index as own
                    join pg_inherits as attached on attached.inhrelid = own.indexrelid
                    where own.indrelid = part.inhrelid
                        and own.indisvalid
                        and attached.inhparent = parent.indexrelid
                )",
            "missing indexes",
        ),
        (
            "select count(*)
             from (
                select own.indrelid, count(*)
                from pg_index as own
                join pg_inherits as part on part.inhrelid = own.indrelid
                where part.inhparent = 'email_events'::regclass
                group by own.indrelid
                having count(*) <> (select count(*) from pg_index where indrelid = 'email_events'::regclass)
             ) as odd",
            "partitions with other indexes",
        ),
    ] {
        assert_eq!(number(pool, sql).await, 0, "{what}");
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn weeks_become_a_block_with_the_same_rows_and_indexes(pool: PgPool) {
    load_quarter(&pool, 40).await;
    let rows =
        "select md5(string_agg(email_events::text, '' order by ts, event_key)) from email_events";
    let before = texts(&pool, rows).await;
    let store = store(&pool);

    let report = store.merge_partitions(&MERGING).await.unwrap();

    assert_eq!(
        report,
        MergeReport {
            merged: Some(BLOCK.to_owned()),
            unfinished: None
        }
    );
    assert_eq!(weeks(&pool).await, [BLOCK]);
    assert_eq!(texts(&pool, rows).await, before);
    assert_tidy(&pool).await;
    // A loader and a search that knew the weeks still work.
    let late = batch(vec![event(7_000, FIRST_WEEK + WEEK * 5)]);
    let outcome = store.load_batch(&key("late"), &late).await.unwrap();
    assert_eq!(outcome, loaded(1, 0, 0));
    let again = store.merge_partitions(&MERGING).await.unwrap();
    assert_eq!(again, MergeReport::default());
}

#[sqlx::test(migrations = "../../../migrations")]
async fn blocks_become_a_year_when_the_year_after_is_over(pool: PgPool) {
    load_quarter(&pool, 10).await;
    let store = store(&pool);
    store.merge_partitions(&MERGING).await.unwrap();
    reckon_with(&pool, datetime!(2024-05-01 0:00 UTC)).await;
    let more = (0..4).map(|week| {
        event(
            5_000 + week,
            datetime!(2024-04-03 0:00 UTC) + WEEK * i32::try_from(week).unwrap(),
        )
    });
    let more = batch(more.collect());
    store.load_batch(&key("more"), &more).await.unwrap();

    for (now, expected) in [
        (
            datetime!(2025-12-28 0:00 UTC),
            vec![BLOCK, "email_w202414_04"],
        ),
        (datetime!(2025-12-29 0:00 UTC), vec!["email_w202401_17"]),
    ] {
        let merging = Merging { now, ..MERGING };
        merge_all(&store, &merging).await;
        assert_eq!(weeks(&pool).await, expected, "{now}");
        assert_eq!(event_count(&pool).await, 134);
        assert_tidy(&pool).await;
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn what_comes_changes_and_goes_meanwhile_is_in_the_block(pool: PgPool) {
    load_quarter(&pool, 40).await;
    let store = store(&pool);
    // Until everything is copied: an incomplete index keeps the merge from its swap.
    pool.execute(
        "create index email_events_meta_x on only email_events ((event->'rcpt_meta'->>'x'), ts)",
    )
    .await
    .unwrap();
    let report = store.merge_partitions(&MERGING).await.unwrap();
    assert_eq!(report.unfinished.as_deref(), Some(BLOCK));
    pool.execute("delete from merging_changes").await.unwrap();

    let late = (0..300).map(|id| {
        event(
            9_000 + id,
            at_some_time(id, FIRST_WEEK + WEEK * i32::try_from(id % 13).unwrap()),
        )
    });
    let late = batch(late.collect());
    store.load_batch(&key("late"), &late).await.unwrap();
    pool.execute("delete from email_events where event->>'event_id' in ('3', '45', '9007')")
        .await
        .unwrap();
    pool.execute("update email_events set subject = 'Changed' where event->>'event_id' = '50'")
        .await
        .unwrap();
    pool.execute("drop index email_events_meta_x")
        .await
        .unwrap();
    let rows =
        "select md5(string_agg(email_events::text, '' order by ts, event_key)) from email_events";
    let before = texts(&pool, rows).await;

    let report = store.merge_partitions(&MERGING).await.unwrap();

    assert_eq!(report.merged.as_deref(), Some(BLOCK));
    assert_eq!(texts(&pool, rows).await, before);
    assert_eq!(event_count(&pool).await, 13 * 40 + 300 - 3);
    assert_tidy(&pool).await;
}

#[sqlx::test(migrations = "../../../migrations")]
async fn partition_that_is_made_into_the_range_meanwhile_is_merged_too(pool: PgPool) {
    reckon_with(&pool, datetime!(2024-03-28 0:00 UTC)).await;
    let odd_weeks = (0..13)
        .step_by(2)
        .map(|week| event(week, FIRST_WEEK + WEEK * i32::try_from(week).unwrap()));
    let odd_weeks = batch(odd_weeks.collect());
    let store = store(&pool);
    store.load_batch(&key("odd"), &odd_weeks).await.unwrap();
    pool.execute(
        "create index email_events_meta_x on only email_events ((event->'rcpt_meta'->>'x'), ts)",
    )
    .await
    .unwrap();
    let report = store.merge_partitions(&MERGING).await.unwrap();
    assert_eq!(report.unfinished.as_deref(), Some(BLOCK));

    let even_week = batch(vec![event(100, FIRST_WEEK + WEEK * 3)]);
    store.load_batch(&key("even"), &even_week).await.unwrap();
    pool.execute("drop index email_events_meta_x")
        .await
        .unwrap();
    merge_all(&store, &MERGING).await;

    assert_eq!(weeks(&pool).await, [BLOCK]);
    assert_eq!(event_count(&pool).await, 8);
    assert_tidy(&pool).await;
}

#[sqlx::test(migrations = "../../../migrations")]
async fn index_on_a_metadata_key_that_comes_or_goes_meanwhile_is_on_the_block_or_not(pool: PgPool) {
    load_quarter(&pool, 20).await;
    let store = store(&pool);
    let with_keys = |keys: &[&str]| Maintenance {
        metadata_keys: keys.iter().map(|key| key.parse().unwrap()).collect(),
        ..no_maintenance(LATER)
    };
    store.maintain(&with_keys(&["user_id"])).await.unwrap();
    // An index that never becomes complete blocks the merge.
    pool.execute("create index email_events_by_hand on only email_events (campaign_id)")
        .await
        .unwrap();
    store.merge_partitions(&MERGING).await.unwrap();

    let other = with_keys(&["order_id"]);
    store.maintain(&other).await.unwrap();
    pool.execute("drop index email_events_by_hand")
        .await
        .unwrap();
    let merged = merge_all(&store, &MERGING).await;

    assert_eq!(merged, [BLOCK]);
    assert_tidy(&pool).await;
    let indexes = "select indexrelid::regclass::text || ' ' || indisvalid from pg_index where indrelid = 'email_events'::regclass and indexrelid::regclass::text like '%meta%'";
    assert_eq!(
        texts(&pool, indexes).await,
        ["email_events_meta_order_id true"]
    );
    let report = store.maintain(&other).await.unwrap();
    assert!(report.indexes_created.is_empty(), "{report:?}");
}

#[sqlx::test(migrations = "../../../migrations")]
async fn longest_metadata_key_fits_into_the_name_of_a_wide_partition_s_index(pool: PgPool) {
    let key = "k".repeat(40);
    pool.execute("select ensure_partition('2016-02-02'), ensure_partition('2017-02-02')")
        .await
        .unwrap();
    let wanted = Maintenance {
        metadata_keys: vec![key.parse().unwrap()],
        ..no_maintenance(THURSDAY)
    };

    let report = store(&pool).maintain(&wanted).await.unwrap();

    assert!(
        report
            .indexes_created
            .contains(&format!("email_w201701_52_meta_{key}")),
        "{report:?}"
    );
    assert_tidy(&pool).await;
}

#[sqlx::test(migrations = "../../../migrations")]
async fn merge_waits_for_readers_for_a_while_and_is_postponed(pool: PgPool) {
    load_quarter(&pool, 20).await;
    let store = store(&pool);
    let mut reader = pool.begin().await.unwrap();
    reader
        .execute("select count(*) from email_events")
        .await
        .unwrap();

    let report = store.merge_partitions(&MERGING).await.unwrap();

    assert_eq!(report.unfinished.as_deref(), Some(BLOCK));
    assert_eq!(weeks(&pool).await.len(), 13);
    // Nobody waits in between.
    let newcomer = batch(vec![event(8_000, FIRST_WEEK)]);
    let newcomer_key = key("newcomer");
    let load = store.load_batch(&newcomer_key, &newcomer);
    assert_eq!(
        timeout(Duration::from_secs(10), load)
            .await
            .unwrap()
            .unwrap(),
        loaded(1, 0, 0)
    );
    reader.rollback().await.unwrap();
    let report = store.merge_partitions(&MERGING).await.unwrap();
    assert_eq!(report.merged.as_deref(), Some(BLOCK));
    assert_eq!(event_count(&pool).await, 261);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn without_time_nothing_begins_and_what_has_begun_is_kept(pool: PgPool) {
    load_quarter(&pool, 20).await;
    let store = store(&pool);
    let no_time = Merging {
        time: Duration::ZERO,
        ..MERGING
    };

    assert_eq!(
        store.merge_partitions(&no_time).await.unwrap(),
        MergeReport::default()
    );
    // Runs that are too short for the whole merge complete it too, the last possibly after its caller has gone.
    let mut runs = 0;
    while weeks(&pool).await != [BLOCK] {
        runs += 1;
        let short = Merging {
            time: Duration::from_millis(20 * runs),
            ..MERGING
        };
        store.merge_partitions(&short).await.unwrap();
        assert!(runs < 500);
    }

    assert_eq!(weeks(&pool).await, [BLOCK]);
    assert_eq!(event_count(&pool).await, 260);
    assert_tidy(&pool).await;
}

#[sqlx::test(migrations = "../../../migrations")]
async fn retention_ends_a_merge_whose_events_have_expired(pool: PgPool) {
    load_quarter(&pool, 20).await;
    let store = store(&pool);
    pool.execute("create index email_events_by_hand on only email_events (campaign_id)")
        .await
        .unwrap();
    let report = store.merge_partitions(&MERGING).await.unwrap();
    assert_eq!(report.unfinished.as_deref(), Some(BLOCK));
    pool.execute("drop index email_events_by_hand")
        .await
        .unwrap();

    let wanted = Maintenance {
        retention: Some(Duration::from_hours(24 * 120)),
        ..no_maintenance(LATER)
    };
    let report = store.maintain(&wanted).await.unwrap();

    // 120 days before is 2024-03-06, in the tenth week.
    assert_eq!(report.partitions_dropped.len(), 9);
    assert_eq!(event_count(&pool).await, 80);
    assert_tidy(&pool).await;
    let with_retention = Merging {
        retention: wanted.retention,
        ..MERGING
    };
    assert!(merge_all(&store, &with_retention).await.is_empty());
}

#[sqlx::test(migrations = "../../../migrations")]
async fn truncated_events_do_not_come_back(pool: PgPool) {
    load_quarter(&pool, 20).await;
    let store = store(&pool);
    pool.execute("create index email_events_by_hand on only email_events (campaign_id)")
        .await
        .unwrap();
    store.merge_partitions(&MERGING).await.unwrap();

    pool.execute("truncate email_events; drop index email_events_by_hand")
        .await
        .unwrap();
    merge_all(&store, &MERGING).await;

    assert_eq!(event_count(&pool).await, 0);
    assert_tidy(&pool).await;
}
