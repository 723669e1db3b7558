//! The index of rows that are not stored in normalized form, on existing partitions.

use event_query::unfolded::index_definition;
use sqlx::{AssertSqlSafe, Executor, PgPool};

use crate::support::*;

const FOUND: &str = "
    select count(*)
    from email_events
    where unfolded(rcpt_to, friendly_from, subject, reason, campaign_id, template_id, recipient_domain, sending_domain, event) = 1
        and folded_words(subject) && array['été']";

/// The indexes on partitions that Postgres would use.
async fn parts_in_plan(pool: &PgPool) -> usize {
    let mut connection = pool.acquire().await.unwrap();
    connection
        .execute("set enable_seqscan = off")
        .await
        .unwrap();
    let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("explain {FOUND}")))
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    let parts = lines
        .iter()
        .filter(|line| line.contains("Bitmap Index Scan on email_w"));
    parts.count()
}

#[sqlx::test(migrations = "../../../migrations")]
async fn partitions_get_it_the_newest_first_and_interrupted_building_is_taken_up_again(
    pool: PgPool,
) {
    reckon_with(&pool, THURSDAY).await;
    let store = store(&pool);
    for week in 0..4 {
        let from = THURSDAY - std::time::Duration::from_hours(7 * 24 * week);
        let batch = batch(events(0..10, from));
        store
            .load_batch(&key(&week.to_string()), &batch)
            .await
            .unwrap();
    }
    // Rows as they were before normalization.
    pool.execute(
        "update email_events set subject = 'ÉTÉ – Soldes' where event->>'event_id' in ('1', '2')",
    )
    .await
    .unwrap();
    let found = number(&pool, FOUND).await;
    assert_eq!((found, parts_in_plan(&pool).await), (8, 0));
    // Interrupted after the parent's index, after one part, and while building another.
    let definition = index_definition();
    let begun = format!(
        "create index email_events_unfolded_idx on only email_events {definition};
         create index email_w202423_unfolded_idx on email_w202423 {definition};"
    );
    pool.execute(AssertSqlSafe(begun)).await.unwrap();
    let mut writer = pool.begin().await.unwrap();
    writer
        .execute("lock table email_w202422 in row exclusive mode")
        .await
        .unwrap();
    let mut builder = pool.acquire().await.unwrap();
    builder.execute("set lock_timeout = '100ms'").await.unwrap();
    let cut_off = format!(
        "create index concurrently email_w202422_unfolded_idx on email_w202422 {definition}"
    );
    builder.execute(AssertSqlSafe(cut_off)).await.unwrap_err();
    writer.rollback().await.unwrap();
    // A week that is created meanwhile inherits its index.
    pool.execute("select ensure_partition('2024-06-13')")
        .await
        .unwrap();

    let report = store.maintain(&no_maintenance(THURSDAY)).await.unwrap();

    assert_eq!(
        report.indexes_created,
        [
            "email_w202423_unfolded_idx",
            "email_w202422_unfolded_idx",
            "email_w202421_unfolded_idx",
            "email_w202420_unfolded_idx",
            "email_w202424_provider_ts_idx",
            "email_w202423_provider_ts_idx",
            "email_w202422_provider_ts_idx",
            "email_w202421_provider_ts_idx",
            "email_w202420_provider_ts_idx"
        ]
    );
    let invalid = "select count(*) from pg_index where not indisvalid";
    assert_eq!(number(&pool, invalid).await, 0);
    assert_eq!(
        (number(&pool, FOUND).await, parts_in_plan(&pool).await),
        (8, 5)
    );
    let again = store.maintain(&no_maintenance(THURSDAY)).await.unwrap();
    assert_eq!(again, event_store::Report::default());
}

/// An error in one row would stop the whole build.
#[sqlx::test(migrations = "../../../migrations")]
async fn no_row_that_is_stored_stops_the_building(pool: PgPool) {
    reckon_with(&pool, THURSDAY).await;
    let store = store(&pool);
    store
        .load_batch(&key("a"), &batch(events(0..10, THURSDAY)))
        .await
        .unwrap();
    let mut connection = pool.acquire().await.unwrap();
    // Letters that take more bytes in lower case, in words at and above the index's limit, and values that are not text.
    for member in [
        "ip_pool",
        "ab_test_id",
        "mailbox_provider",
        "mailbox_provider_region",
    ] {
        for value in [
            "to_jsonb(repeat('Ⱥ', 1300))",
            "to_jsonb(repeat('É ', 9000))",
            "to_jsonb((select string_agg(chr(192 + (n * 7919) % 23), '') from generate_series(1, 1200) as n))",
            "'[\"É\", 1]'",
            "'{\"É\": null}'",
            "'null'",
        ] {
            let update = format!(
                "update email_events set event = jsonb_set(event, '{{{member}}}', {value}) where event->>'event_id' = '1'"
            );
            // Some are refused by the index of words, like an event would be.
            let _ = connection.execute(AssertSqlSafe(update)).await;
            connection
                .execute("update email_events set subject = repeat('ȺÉ', 340), reason = repeat('Ⱥ ', 16000) where event->>'event_id' = '2'")
                .await
                .unwrap();
            connection
                .execute("drop index if exists email_events_unfolded_idx")
                .await
                .unwrap();

            let report = store.maintain(&no_maintenance(THURSDAY)).await.unwrap();
            assert!(
                report
                    .indexes_created
                    .contains(&"email_w202423_unfolded_idx".to_owned()),
                "{value}"
            );
        }
    }
}
