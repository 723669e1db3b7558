use event_model::sparkpost::parse_batch;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::support::*;

const COUNTS: &str =
    "select concat_ws(' ', events, inserted, rejected, sanitized) from batches order by batch_key";

#[sqlx::test(migrations = "../../../migrations")]
async fn second_load_of_same_batch_adds_no_rows(pool: PgPool) {
    let store = store(&pool);
    let batch = batch(events(0..100, THURSDAY));

    let first = store.load_batch(&key("a"), &batch).await.unwrap();
    let second = store.load_batch(&key("a"), &batch).await.unwrap();

    assert_eq!(first, loaded(100, 0, 0));
    assert_eq!(second, event_store::LoadOutcome::AlreadyLoaded);
    assert_eq!(event_count(&pool).await, 100);
    assert!(store.is_loaded(&key("a")).await.unwrap());
    assert!(!store.is_loaded(&key("b")).await.unwrap());
}

#[sqlx::test(migrations = "../../../migrations")]
async fn same_events_under_another_batch_id_are_duplicates(pool: PgPool) {
    let store = store(&pool);

    let first = batch(events(0..100, THURSDAY));
    let overlapping = batch(events(50..150, THURSDAY));
    store.load_batch(&key("a"), &first).await.unwrap();
    let second = store.load_batch(&key("b"), &overlapping).await.unwrap();
    let third = store.load_batch(&key("c"), &overlapping).await.unwrap();

    assert_eq!(second, loaded(50, 50, 0));
    assert_eq!(third, loaded(0, 100, 0));
    assert_eq!(event_count(&pool).await, 150);
    assert_eq!(
        texts(&pool, COUNTS).await,
        ["100 100 0 0", "100 50 0 0", "100 0 0 0"]
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn equal_events_of_one_batch_are_stored_once(pool: PgPool) {
    let mut doubled = events(0..10, THURSDAY);
    doubled.extend(events(0..10, THURSDAY).into_iter().rev());

    let outcome = store(&pool)
        .load_batch(&key("a"), &batch(doubled))
        .await
        .unwrap();

    assert_eq!(outcome, loaded(10, 10, 0));
    assert_eq!(event_count(&pool).await, 10);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn empty_batch_is_loaded_and_leaves_no_events(pool: PgPool) {
    let store = store(&pool);
    let ping = parse_batch(br#"[{"msys":{}}]"#, OffsetDateTime::now_utc());

    let outcome = store.load_batch(&key("ping"), &ping).await.unwrap();

    assert_eq!(outcome, loaded(0, 0, 0));
    assert_eq!(event_count(&pool).await, 0);
    assert_eq!(
        number(&pool, "select count(*) from email_events_rejected").await,
        0
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn missing_partitions_are_made_on_the_way(pool: PgPool) {
    let spread = vec![
        event(1, datetime!(2010-01-01 0:00 UTC)),
        event(2, datetime!(2016-02-02 19:50 UTC)),
        event(3, datetime!(2016-02-07 23:59:59.999_999 UTC)),
        event(4, datetime!(2016-02-08 0:00 UTC)),
        event(5, datetime!(2020-12-31 0:00 UTC)),
        event(6, OffsetDateTime::now_utc() + Duration::days(1)),
    ];

    let outcome = store(&pool)
        .load_batch(&key("a"), &batch(spread))
        .await
        .unwrap();

    assert_eq!(outcome, loaded(6, 0, 0));
    let made = weeks(&pool).await;
    assert_eq!(
        made[..3],
        ["email_w200953", "email_w201601_52", "email_w202001_53"]
    );
    assert_eq!(made.len(), 4);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn nineteen_events_of_one_id_and_one_second_are_nineteen_rows(pool: PgPool) {
    // The provider's sample events: all types under one id and one second, and a last one without an id.
    let item = |event_type: &str| {
        format!(
            r#"{{"msys":{{"message_event":{{"type":"{event_type}","event_id":"92356927693813856","timestamp":"1454442600"}}}}}}"#
        )
    };
    let mut items: Vec<_> = event_model::sparkpost::EventType::ALL[..18]
        .iter()
        .map(|known| item(known.as_str()))
        .collect();
    items.push(
        r#"{"msys":{"message_event":{"type":"sms_status","timestamp":"1454442600"}}}"#.to_owned(),
    );
    let body = format!("[{}]", items.join(","));
    let batch = parse_batch(body.as_bytes(), OffsetDateTime::now_utc());
    let store = store(&pool);

    let first = store.load_batch(&key("a"), &batch).await.unwrap();
    let again = store.load_batch(&key("b"), &batch).await.unwrap();

    assert_eq!(first, loaded(19, 0, 0));
    assert_eq!(again, loaded(0, 19, 0));
    assert_eq!(
        number(
            &pool,
            "select count(distinct type) from email_events where ts = '2016-02-02 19:50:00Z'"
        )
        .await,
        19
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn what_the_parser_rejects_is_kept_with_reason_and_bytes(pool: PgPool) {
    let body = br#"[
        {"msys":{"message_event":{"type":"delivery","event_id":"1","timestamp":"1454442600"}}},
        {"msys":{"message_event":{"type":"delivery","event_id":"2","timestamp":"1"}}},
        {"msys":{"message_event":{"type":"delivery","event_id":"3","#;
    let batch = parse_batch(body, OffsetDateTime::now_utc());

    let outcome = store(&pool).load_batch(&key("a"), &batch).await.unwrap();

    assert_eq!(outcome, loaded(1, 0, 2));
    let kept = texts(
        &pool,
        "select ordinal || ' ' || reason || ' ' || (convert_from(raw, 'UTF8') like '%event_id%') from email_events_rejected order by ordinal",
    )
    .await;
    assert!(
        kept[0].starts_with("1 `timestamp`") && kept[0].ends_with(" true"),
        "{kept:?}"
    );
    assert!(
        kept[1].starts_with("2 the body ends") && kept[1].ends_with(" true"),
        "{kept:?}"
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn rejected_events_come_again_after_their_batch_was_forgotten(pool: PgPool) {
    let body =
        br#"[{"msys":{"message_event":{"type":"delivery","event_id":"2","timestamp":"1"}}}]"#;
    let batch = parse_batch(body, OffsetDateTime::now_utc());
    let store = store(&pool);
    store.load_batch(&key("a"), &batch).await.unwrap();
    sqlx::query("delete from batches")
        .execute(&pool)
        .await
        .unwrap();

    let outcome = store.load_batch(&key("a"), &batch).await.unwrap();

    assert_eq!(outcome, loaded(0, 0, 1));
    assert_eq!(
        number(&pool, "select count(*) from email_events_rejected").await,
        1
    );
}
