//! The migration that renames the tables, on a database with every kind of derived name.

use sqlx::{Executor, PgPool, migrate::Migrator};

use crate::support::*;

static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations");
const RENAMED: i64 = 20_261_129_180_000;

#[sqlx::test(migrations = false)]
async fn renaming_keeps_rows_partitions_indexes_and_rights(pool: PgPool) {
    let before = MIGRATIONS.iter().filter(|file| file.version < RENAMED);
    Migrator::with_migrations(before.cloned().collect())
        .run(&pool)
        .await
        .unwrap();
    reckon_with(&pool, THURSDAY).await;
    pool.execute(
        "select ensure_partition_at(at) from unnest(array['2024-06-06', '2024-05-30', '2021-06-06', '2022-06-06']::timestamptz[]) as at;
         insert into events (ts, event_key, type, event) values
            ('2024-06-06', gen_random_uuid(), 'bounce', '{}'),
            ('2024-05-30', gen_random_uuid(), 'bounce', '{}'),
            ('2021-06-06', gen_random_uuid(), 'bounce', '{}'),
            ('2022-06-06', gen_random_uuid(), 'bounce', '{}');
         insert into events_rejected (batch_key, ordinal, reason, raw) values ('b', 0, 'r', '');
         create index events_meta_user_id on events ((event->'rcpt_meta'->>'user_id'), ts);
         create table events_of_somebody (id integer primary key);
         alter table events detach partition events_w202422;
         select merge_begin('2021-01-04', '2023-01-02');
         select merge_watch(name) from merge_sources();
         select merge_copy(name) from merge_sources()",
    )
    .await
    .unwrap();

    store(&pool).migrate().await.unwrap();

    assert_eq!(event_count(&pool).await, 3);
    assert_eq!(
        number(&pool, "select count(*) from email_events_rejected").await,
        1
    );
    // Objects of other owners keep their names, and nothing else does.
    assert_eq!(
        texts(
            &pool,
            "select relname::text from pg_class where relname ~ '^events' order by 1"
        )
        .await,
        ["events_of_somebody", "events_of_somebody_pkey"]
    );
    let merges = "select (select count(*) from merging) + (select count(*) from pg_trigger where tgname ~ 'merging')";
    assert_eq!(number(&pool, merges).await, 0);
    // The detached week is found and attached again, and maintenance and loading work under the new names.
    let outcome = store(&pool)
        .load_batch(
            &key("after"),
            &batch(events(
                0..2,
                THURSDAY - std::time::Duration::from_hours(7 * 24),
            )),
        )
        .await
        .unwrap();
    assert_eq!(outcome, loaded(2, 0, 0));
    assert_eq!(event_count(&pool).await, 6);
    let mut maintenance = no_maintenance(THURSDAY);
    maintenance.metadata_keys = vec!["user_id".parse().unwrap()];
    let report = store(&pool).maintain(&maintenance).await.unwrap();
    assert_eq!(report.postponed, Vec::<String>::new());
    let complete = "select count(*) from pg_index where indrelid = 'email_events'::regclass and indisvalid
        and indexrelid::regclass::text in ('email_events_meta_user_id', 'email_events_unfolded_idx', 'email_events_provider_ts_idx')";
    assert_eq!(number(&pool, complete).await, 3);
}
