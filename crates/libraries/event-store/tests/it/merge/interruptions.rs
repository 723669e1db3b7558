//! Merging is interrupted at any moment.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use event_samples::random::Random;
use event_store::{MergeReport, Store};
use sqlx::{Executor, PgPool};
use tokio::time::timeout;

use super::{BLOCK, FIRST_WEEK, MERGING, WEEK, assert_tidy, at_some_time, load_quarter, merge_all};
use crate::support::*;

/// Loads late events and deletes some, until told to stop; returns the expected ids.
async fn come_and_go(pool: PgPool, seed: u64, is_over: Arc<Mutex<bool>>) -> BTreeSet<String> {
    let mut random = Random::new(seed);
    let store = store(&pool);
    let mut there: BTreeSet<_> = (0..13 * 30).map(|id| id.to_string()).collect();
    let mut next_id = 10_000;
    while !*is_over.lock().unwrap() {
        let ids = next_id..next_id + 1 + u32::try_from(random.below(20)).unwrap();
        next_id = ids.end;
        let late = ids.clone().map(|id| {
            let week = FIRST_WEEK + WEEK * i32::try_from(random.below(13)).unwrap();
            event(id, at_some_time(id, week))
        });
        let late = batch(late.collect());
        store
            .load_batch(&key(&format!("late-{next_id}")), &late)
            .await
            .unwrap();
        there.extend(ids.map(|id| id.to_string()));
        if random.below(3) == 0 {
            let gone = there
                .iter()
                .nth(usize::try_from(random.below(200)).unwrap());
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

/// Merges, interrupted again and again: the caller stops waiting, or the backend is terminated.
async fn merge_with_interruptions(pool: &PgPool, seed: u64) -> u32 {
    let mut random = Random::new(seed);
    let mut config = config(pool);
    "merger".clone_into(&mut config.application_name);
    config.retry_for = Duration::ZERO;
    let store = Store::connect_lazy(&config).unwrap();
    let mut interruptions = 0;
    for attempt in 0..2_000_u64 {
        // Later attempts live longer, so that the last steps are reached and interrupted too.
        let time_limit = Duration::from_millis(random.below(60 + 10 * attempt));
        let merging = store.merge_partitions(&MERGING);
        match timeout(time_limit, merging).await {
            Ok(Ok(report)) if report.merged.is_some() => return interruptions,
            Ok(Ok(report)) if report == MergeReport::default() => {
                // The swap went through, and its answer was lost.
                if weeks(pool).await == [BLOCK] {
                    return interruptions;
                }
            }
            Ok(_) => {}
            Err(_) => {
                interruptions += 1;
                // A step that is not terminated runs to its end; half of them are terminated.
                if random.below(2) == 0 {
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

    let interruptions = merge_with_interruptions(&pool, seed).await;
    *is_over.lock().unwrap() = true;
    let expected = others.await.unwrap();

    assert!(
        interruptions > 3,
        "only {interruptions} interruptions with seed {seed}"
    );
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
        // Interrupted before its end, then completed, then repeated because its response was lost.
        let mut interrupted = pool.begin().await.unwrap();
        interrupted
            .execute(sqlx::AssertSqlSafe(step.as_str()))
            .await
            .unwrap();
        interrupted.rollback().await.unwrap();
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
