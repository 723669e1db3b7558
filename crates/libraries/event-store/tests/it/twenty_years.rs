//! Planning of searches over all time after years: the partitions in the night when there are most.

use event_query::{Bind, EventQuery, IndexedKeys, PageStart, Statement};
use sqlx::{AssertSqlSafe, PgPool};
use time::{OffsetDateTime, macros::datetime};

use crate::support::*;

/// The first loaded week.
const BEGAN: i32 = 2026;
/// Relations of a partition that a plan locks: its table, and each index of `email_events`.
const RELATIONS: i64 = 9;
const FEW_MORE: i64 = 20;

/// A search over all time with any condition.
fn searches(now: OffsetDateTime) -> Vec<Statement> {
    let all_time = |filter: &str| {
        let query = format!("from=2010-01-01T00:00&{filter}");
        let query = EventQuery::parse(&query, now, &IndexedKeys::new([])).unwrap();
        query.fetch_statement(PageStart::Beginning, 1_001)
    };
    let by_id = EventQuery::of_event("777", "").unwrap();
    vec![
        by_id.fetch_statement(PageStart::Beginning, 1_001),
        all_time("recipients=someone@example.com"),
        all_time("subjects=order"),
        all_time("events=bounce"),
        all_time(""),
    ]
}

/// Creates the partitions of a day in December, before the third quarter is merged: weeks from July on, blocks of 13
/// weeks from the year before on, and years. The tests of the choice of merges simulate how they come about.
async fn make_partitions_of(pool: &PgPool, now: OffsetDateTime) {
    let year = now.year();
    let in_july = |year: i32| datetime!(2026-07-15 0:00 UTC).replace_year(year).unwrap();
    let ensure = async |from: OffsetDateTime, to: OffsetDateTime, step: &str, widest_weeks: i32| {
        sqlx::query("update partition_policy set widest_weeks = $1")
            .bind(widest_weeks)
            .execute(pool)
            .await
            .unwrap();
        sqlx::query(AssertSqlSafe(format!(
            "select ensure_partition(at) from generate_series($1::timestamptz, $2, interval '{step}') as at"
        )))
        .bind(from)
        .bind(to)
        .execute(pool)
        .await
        .unwrap();
    };
    let in_october = in_july(year) + time::Duration::WEEK * 13;
    reckon_with(pool, now).await;
    ensure(in_october, now + time::Duration::WEEK * 4, "7 days", 52).await;
    reckon_with(pool, in_october).await;
    ensure(in_july(year), in_october, "7 days", 52).await;
    if year > BEGAN {
        let last_year = datetime!(2026-02-01 0:00 UTC)
            .replace_year(year - 1)
            .unwrap();
        ensure(last_year, in_july(year), "91 days", 13).await;
        ensure(in_july(BEGAN), in_july(year - 2), "1 year", 52).await;
    }
    reckon_with(pool, now).await;
}

/// Plans a statement; returns the numbers of partitions and of all relations that this locks.
async fn locks_of_plan(pool: &PgPool, statement: &Statement) -> (i64, i64) {
    let mut transaction = pool.begin().await.unwrap();
    let explain = format!("explain {}", statement.sql);
    let mut query = sqlx::query(AssertSqlSafe(explain));
    for bind in &statement.binds {
        query = match bind {
            Bind::Text(text) => query.bind(text),
            Bind::TextArray(texts) => query.bind(texts),
            Bind::BigInt(number) => query.bind(number),
            Bind::Timestamp(time) => query.bind(time),
            other => panic!("no search here binds {other:?}"),
        };
    }
    query.fetch_all(&mut *transaction).await.unwrap();
    let locks = sqlx::query_as(
        "select
            count(*) filter (where relation in (select inhrelid from pg_inherits where inhparent = 'email_events'::regclass)),
            count(*)
         from pg_locks
         where pid = pg_backend_pid() and locktype = 'relation'",
    )
    .fetch_one(&mut *transaction)
    .await
    .unwrap();
    transaction.rollback().await.unwrap();
    locks
}

#[sqlx::test(migrations = "../../../migrations")]
async fn search_over_all_time_plans_at_most_60_partitions_after_20_years(pool: PgPool) {
    for years in [1, 10, 20] {
        sqlx::query("drop table if exists email_events cascade")
            .execute(&pool)
            .await
            .unwrap();
        // A new schema: partitions of another calendar would be in the way.
        for name in [
            include_str!("../../../../../migrations/20261121090100_create_events.sql"),
            include_str!("../../../../../migrations/20261121090400_create_search_indexes.sql"),
        ] {
            sqlx::raw_sql(name).execute(&pool).await.unwrap();
        }
        sqlx::query("alter table events rename to email_events")
            .execute(&pool)
            .await
            .unwrap();
        let now = datetime!(2026-12-20 0:00 UTC)
            .replace_year(BEGAN + years)
            .unwrap();
        make_partitions_of(&pool, now).await;
        let made = i64::try_from(weeks(&pool).await.len()).unwrap();
        assert!(made > 30 && made <= 60, "{made} after {years} years");

        for statement in searches(now) {
            let (partitions, locks) = locks_of_plan(&pool, &statement).await;

            // A search up to now need not read the weeks ahead.
            assert!((made - 4..=made).contains(&partitions), "{}", statement.sql);
            assert!(
                locks <= made * RELATIONS + FEW_MORE,
                "{locks} locks after {years} years\n{}",
                statement.sql
            );
        }
    }
}
