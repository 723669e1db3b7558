use sqlx::{Executor, PgPool};

use crate::support::*;

#[sqlx::test(migrations = "../../../migrations")]
async fn only_the_call_that_makes_a_week_says_so(pool: PgPool) {
    reckon_with(&pool, THURSDAY).await;
    let sql = "select ensure_partition('2024-06-06')::int::bigint";

    assert_eq!(number(&pool, sql).await, 1);
    assert_eq!(number(&pool, sql).await, 0);
    assert_eq!(weeks(&pool).await, ["email_w202423"]);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn weeks_asked_for_by_many_at_once_are_made_once(pool: PgPool) {
    reckon_with(&pool, time::macros::datetime!(2024-03-01 0:00 UTC)).await;
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let sql = "
                    select sum(ensure_partition(week)::int)
                    from generate_series('2024-01-01'::timestamptz, '2024-03-01', '7 days') as week";
                number(&pool, sql).await
            })
        })
        .collect();

    let mut made = 0;
    for call in calls {
        made += call.await.unwrap();
    }

    assert_eq!(made, 9);
    assert_eq!(weeks(&pool).await.len(), 9);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn week_is_made_while_someone_reads_and_nobody_waits(pool: PgPool) {
    reckon_with(&pool, THURSDAY).await;
    pool.execute("select ensure_partition('2024-06-06')")
        .await
        .unwrap();
    let mut reader = pool.begin().await.unwrap();
    reader
        .execute("select count(*) from email_events")
        .await
        .unwrap();

    let mut maker = pool.acquire().await.unwrap();
    maker.execute("set lock_timeout = '2s'").await.unwrap();
    maker
        .execute("select ensure_partition('2024-06-13')")
        .await
        .unwrap();

    assert_eq!(weeks(&pool).await, ["email_w202423", "email_w202424"]);
    reader.rollback().await.unwrap();
}

#[sqlx::test(migrations = "../../../migrations")]
async fn new_week_has_every_index_and_no_leftover_constraint(pool: PgPool) {
    reckon_with(&pool, THURSDAY).await;
    pool.execute("select ensure_partition('2024-06-06')")
        .await
        .unwrap();

    let unmatched = "
        select count(*)
        from pg_index as parent
        where parent.indrelid = 'email_events'::regclass
            and not exists (
                select
                from pg_inherits
                join pg_index as part on part.indexrelid = pg_inherits.inhrelid
                where pg_inherits.inhparent = parent.indexrelid
                    and part.indrelid = 'email_w202423'::regclass
                    and part.indisvalid
            )";
    assert_eq!(number(&pool, unmatched).await, 0);
    let checks = "select count(*) from pg_constraint where conrelid = 'email_w202423'::regclass and contype = 'c'";
    assert_eq!(number(&pool, checks).await, 0);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn detached_week_is_taken_back_with_its_rows(pool: PgPool) {
    reckon_with(&pool, THURSDAY).await;
    let store = store(&pool);
    let first = batch(events(0..10, THURSDAY));
    store.load_batch(&key("first"), &first).await.unwrap();
    pool.execute("alter table email_events detach partition email_w202423")
        .await
        .unwrap();

    let second = batch(events(0..20, THURSDAY));
    let outcome = store.load_batch(&key("second"), &second).await.unwrap();

    assert_eq!(outcome, loaded(10, 10, 0));
    assert_eq!(event_count(&pool).await, 20);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn weeks_that_no_event_can_be_in_are_refused(pool: PgPool) {
    for at in ["1970-01-01", "2009-12-20", "2100-01-01", "infinity"] {
        let sql = format!("select ensure_partition('{at}')");

        let error = pool.execute(sqlx::AssertSqlSafe(sql)).await.unwrap_err();

        let code = error
            .into_database_error()
            .unwrap()
            .code()
            .map(String::from);
        assert_eq!(code.as_deref(), Some("22008"), "{at}");
    }
    pool.execute("select ensure_partition('2010-01-01')")
        .await
        .unwrap();
}
