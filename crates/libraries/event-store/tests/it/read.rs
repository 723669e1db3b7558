use event_query::{Bind, Statement};
use event_store::{GroupRow, Planning, Store};
use sqlx::PgPool;

use crate::support::*;

fn statement(sql: &str, binds: Vec<Bind>) -> Statement {
    Statement {
        sql: sql.to_owned(),
        binds,
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn every_kind_of_value_reaches_postgres_as_its_type(pool: PgPool) {
    let store = store(&pool);
    let mut all = events(0..10, THURSDAY);
    all[3].subaccount_id = Some(7);
    all[3].bounce_class = Some(10);
    let (third, fourth) = (all[3].key, all[4].key);
    store.load_batch(&key("a"), &batch(all)).await.unwrap();

    let found = store
        .fetch_events(&statement(
            "select ts, event_key, event::text
             from email_events
             where ts >= $1 and rcpt_to = $2 and message_id = any($3) and bounce_class = any($4)
                and subaccount_id = any($5) and event_key = $6 and event_key = any($7)
             order by ts desc
             limit $8",
            vec![
                Bind::Timestamp(THURSDAY),
                Bind::Text("user3@example.com".to_owned()),
                Bind::TextArray(vec!["m1".to_owned(), "m3".to_owned()]),
                Bind::SmallIntArray(vec![10]),
                Bind::IntArray(vec![7]),
                Bind::Uuid(third.as_u128()),
                Bind::UuidArray(vec![third.as_u128(), fourth.as_u128()]),
                Bind::BigInt(5),
            ],
        ))
        .await
        .unwrap();

    assert_eq!(found.len(), 1);
    assert_eq!(found[0].event_key, third);
    assert_eq!(
        found[0].ts.to_time(),
        THURSDAY + std::time::Duration::from_secs(3)
    );
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&found[0].event).unwrap(),
        serde_json::json!({"event_id": "3", "rcpt_meta": {"user_id": "u3"}})
    );
    assert!(!format!("{found:?}").contains("u3"));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn count_counts(pool: PgPool) {
    let store = store(&pool);
    store
        .load_batch(&key("a"), &batch(events(0..10, THURSDAY)))
        .await
        .unwrap();

    let count = store
        .count(&statement(
            "select count(*) from email_events where ts >= $1",
            vec![Bind::Timestamp(
                THURSDAY + std::time::Duration::from_secs(4),
            )],
        ))
        .await
        .unwrap();

    assert_eq!(count, 6);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn groups_have_a_key_for_each_dimension(pool: PgPool) {
    let store = store(&pool);
    let mut all = events(0..10, THURSDAY);
    all[3].campaign_id = Some("summer".into());
    store.load_batch(&key("a"), &batch(all)).await.unwrap();

    let groups = store
        .fetch_groups(&statement(
            "select array[type, campaign_id]::text[], count(*), null::bigint
             from email_events
             where ts >= $1
             group by type, campaign_id
             order by 2 desc",
            vec![Bind::Timestamp(THURSDAY)],
        ))
        .await
        .unwrap();

    let group = |campaign: Option<&str>, count| GroupRow {
        keys: vec![Some("delivery".to_owned()), campaign.map(str::to_owned)],
        count,
        recipients: None,
    };
    assert_eq!(groups, [group(None, 9), group(Some("summer"), 1)]);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn statement_is_planned_for_its_values_on_demand(pool: PgPool) {
    let again = statement(
        "select custom_plans from pg_prepared_statements where statement like $1",
        vec![Bind::Text("select custom_plans%".to_owned())],
    );

    for (planning, custom_plans) in [(Planning::Kept, 5), (Planning::EachRun, 8)] {
        let mut config = config(&pool);
        config.planning = planning;
        let store = Store::connect_lazy(&config).unwrap();
        for _ in 0..7 {
            store.count(&again).await.unwrap();
        }

        assert_eq!(store.count(&again).await.unwrap(), custom_plans);
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn statement_that_comes_again_is_prepared_once(pool: PgPool) {
    let store = store(&pool);
    let again = statement(
        "select count(*) from pg_prepared_statements where statement like $1",
        vec![Bind::Text("select count(*) from pg_prepared%".to_owned())],
    );

    let counts = [
        store.count(&again).await.unwrap(),
        store.count(&again).await.unwrap(),
    ];

    assert_eq!(counts, [1, 1]);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn failed_statement_does_not_spoil_the_next(pool: PgPool) {
    let store = store(&pool);

    let error = store
        .count(&statement("select 1 / 0", Vec::new()))
        .await
        .unwrap_err();
    let count = store
        .count(&statement("select 7::bigint", Vec::new()))
        .await
        .unwrap();

    assert_eq!(error.sqlstate().as_deref(), Some("22012"));
    assert!(!error.is_transient() && !error.is_timeout());
    assert_eq!(count, 7);
}

/// Ten events of 1,000 bytes, whose keys are their numbers from 1.
fn thousands() -> Statement {
    statement(
        "select $1::timestamptz, lpad(n::text, 32, '0')::uuid, repeat('x', 1000)
         from generate_series(1, 10) as n
         order by n",
        vec![Bind::Timestamp(THURSDAY)],
    )
}

#[sqlx::test(migrations = "../../../migrations")]
async fn chunk_ends_before_it_is_too_long_and_has_one_row_at_least(pool: PgPool) {
    let store = store(&pool);

    for (max_bytes, row_count) in [(0, 1), (1_000, 1), (2_999, 2), (3_000, 3), (9_999, 9)] {
        let chunk = store
            .fetch_events_within(&thousands(), max_bytes)
            .await
            .unwrap();
        assert_eq!(chunk.rows.len(), row_count, "{max_bytes}");
        assert!(chunk.has_more, "{max_bytes}");
    }
    let all = store.fetch_events_within(&thousands(), 10_000).await;
    let all = all.unwrap();
    assert_eq!((all.rows.len(), all.has_more), (10, false));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn groups_with_long_keys_end_before_they_are_too_long(pool: PgPool) {
    let store = store(&pool);
    let groups = statement(
        "select array[repeat('x', 1000), null]::text[], n, null::bigint
         from generate_series(1::bigint, 10) as n
         order by n",
        Vec::new(),
    );

    let chunk = store.fetch_groups_within(&groups, 5_000).await.unwrap();

    assert_eq!((chunk.rows.len(), chunk.has_more), (5, true));
}

/// The rows that nobody read are not read by the next operation either.
#[sqlx::test(migrations = "../../../migrations")]
async fn connection_with_unread_rows_is_not_used_again(pool: PgPool) {
    let store = store(&pool);
    let process = statement("select pg_backend_pid()::bigint", Vec::new());
    let before = store.count(&process).await.unwrap();

    store
        .fetch_events_within(&thousands(), 10_000)
        .await
        .unwrap();
    let after_all = store.count(&process).await.unwrap();
    store
        .fetch_events_within(&thousands(), 1_000)
        .await
        .unwrap();
    let after_some = store.count(&process).await.unwrap();

    assert_eq!(after_all, before);
    assert_ne!(after_some, before);
}

/// Web servers call the store from tasks that move between threads.
#[test]
fn calls_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}

    let url = "postgres://localhost/none".to_owned();
    let config = event_store::DatabaseConfig::new(url.into(), "none");
    let store = event_store::Store::connect_lazy(&config).unwrap();
    let (statement, maintenance) = (statement("", Vec::new()), no_maintenance(THURSDAY));
    let (key, batch) = (key(""), batch(Vec::new()));

    is_send(&store.fetch_events(&statement));
    is_send(&store.count(&statement));
    is_send(&store.fetch_groups(&statement));
    is_send(&store.fetch_events_within(&statement, 1));
    is_send(&store.fetch_groups_within(&statement, 1));
    is_send(&store.load_batch(&key, &batch));
    is_send(&store.is_loaded(&key));
    is_send(&store.maintain(&maintenance));
    is_send(&store.migrate());
}
