//! Merging partitions while events come and go, and while merging is cut off at any moment.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

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

/// So many events in each of the 13 weeks of a quarter, their ids in the order of weeks.
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

/// Merges until there is nothing left to do; returns what came of it.
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

/// Nothing is left of a merge, and each partition has what `email_events` has.
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
    // A loader that knew the weeks, and the search, go on.
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
    // Up to where all is copied: an index that is not complete yet keeps the merge from its swap.
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
    // An index that is never complete keeps the merge waiting.
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
    // Runs that are too short for all of it come to an end too, and the last may end after its caller has gone.
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

/// A sequence of numbers by seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Loads late events and deletes some, until told to stop; the ids that must be there at the end.
async fn come_and_go(pool: PgPool, seed: u64, is_over: Arc<Mutex<bool>>) -> BTreeSet<String> {
    let mut dice = Dice(seed);
    let store = store(&pool);
    let mut there: BTreeSet<_> = (0..13 * 30).map(|id| id.to_string()).collect();
    let mut next_id = 10_000;
    while !*is_over.lock().unwrap() {
        let ids = next_id..next_id + 1 + u32::try_from(dice.below(20)).unwrap();
        next_id = ids.end;
        let late = ids.clone().map(|id| {
            let week = FIRST_WEEK + WEEK * i32::try_from(dice.below(13)).unwrap();
            event(id, at_some_time(id, week))
        });
        let late = batch(late.collect());
        store
            .load_batch(&key(&format!("late-{next_id}")), &late)
            .await
            .unwrap();
        there.extend(ids.map(|id| id.to_string()));
        if dice.below(3) == 0 {
            let gone = there.iter().nth(usize::try_from(dice.below(200)).unwrap());
            let gone = gone.unwrap().clone();
            sqlx::query("delete from email_events where event->>'event_id' = $1")
                .bind(&gone)
                .execute(&pool)
                .await
                .unwrap();
            there.remove(&gone);
        }
    }
    there
}

async fn terminate_mergers(pool: &PgPool) {
    pool.execute(
        "select pg_terminate_backend(pid)
         from pg_stat_activity
         where datname = current_database() and application_name = 'merger'",
    )
    .await
    .unwrap();
}

/// Merges, and is cut off over and over: the caller goes away, or the backend is terminated.
async fn merge_and_be_cut_off(pool: &PgPool, seed: u64) -> u32 {
    let mut dice = Dice(seed);
    let mut config = config(pool);
    "merger".clone_into(&mut config.application_name);
    config.retry_for = Duration::ZERO;
    let store = Store::connect_lazy(&config).unwrap();
    let mut cuts = 0;
    for attempt in 0..2_000_u64 {
        // Later attempts live longer, so that the last steps are reached and cut off too.
        let patience = Duration::from_millis(dice.below(60 + 10 * attempt));
        let merging = store.merge_partitions(&MERGING);
        match timeout(patience, merging).await {
            Ok(Ok(report)) if report.merged.is_some() => return cuts,
            Ok(Ok(report)) if report == MergeReport::default() => {
                // The swap went through, and its answer was lost.
                if weeks(pool).await == [BLOCK] {
                    return cuts;
                }
            }
            Ok(_) => {}
            Err(_) => {
                cuts += 1;
                // Left to itself, a step goes on to its end; half of them do not get that far.
                if dice.below(2) == 0 {
                    terminate_mergers(pool).await;
                }
            }
        }
    }
    panic!("merging never ends");
}

#[sqlx::test(migrations = "../../../migrations")]
async fn merge_that_is_cut_off_anywhere_loses_and_doubles_nothing(pool: PgPool) {
    let seed = std::env::var("MERGE_SEED").map_or(1, |text| text.parse().unwrap());
    load_quarter(&pool, 30).await;
    let is_over = Arc::new(Mutex::new(false));
    let others = tokio::spawn(come_and_go(pool.clone(), seed, Arc::clone(&is_over)));

    let cuts = merge_and_be_cut_off(&pool, seed).await;
    *is_over.lock().unwrap() = true;
    let expected = others.await.unwrap();

    assert!(cuts > 3, "only {cuts} cuts with seed {seed}");
    let found = texts(&pool, "select event->>'event_id' from email_events").await;
    assert_eq!(found.len(), expected.len(), "seed {seed}");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!(weeks(&pool).await, [BLOCK]);
    assert_tidy(&pool).await;
}

#[sqlx::test(migrations = "../../../migrations")]
async fn each_step_may_be_undone_and_repeated(pool: PgPool) {
    load_quarter(&pool, 5).await;
    let source = "(select name from event_partitions() where is_attached order by lo limit 1)";
    let steps = [
        "select merge_begin('2024-01-01Z', '2024-04-01Z')".to_owned(),
        format!("select merge_watch({source})"),
        format!("select merge_copy({source})"),
        "select merge_index()".to_owned(),
        "select merge_apply(10)".to_owned(),
    ];
    for step in &steps {
        // Cut off before its end, to its end, and once more because its answer was lost.
        let mut cut_off = pool.begin().await.unwrap();
        cut_off
            .execute(sqlx::AssertSqlSafe(step.as_str()))
            .await
            .unwrap();
        cut_off.rollback().await.unwrap();
        for _ in 0..2 {
            pool.execute(sqlx::AssertSqlSafe(step.as_str()))
                .await
                .unwrap();
        }
    }
    let error = pool.execute("select merge_swap()").await.unwrap_err();
    let code = error
        .as_database_error()
        .unwrap()
        .code()
        .unwrap()
        .into_owned();
    assert_eq!(code, "55006", "not all is copied");

    merge_all(&store(&pool), &MERGING).await;
    pool.execute("select merge_swap(), merge_abandon()")
        .await
        .unwrap();

    assert_eq!(weeks(&pool).await, [BLOCK]);
    assert_eq!(event_count(&pool).await, 65);
    assert_tidy(&pool).await;
}
