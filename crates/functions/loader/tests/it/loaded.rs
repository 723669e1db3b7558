use sqlx::PgPool;

use crate::rig::{Rig, batch, event};

#[sqlx::test(migrations = "../../../migrations")]
async fn every_event_of_a_batch_is_stored_and_counted(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let key = rig.archive("a", &batch(0..100)).await;

    let retried = rig.deliver(&[&key]).await;

    assert!(retried.is_empty());
    assert_eq!(rig.rows().await, [100, 0, 1]);
    assert_eq!(rig.counts(), [100, 100, 0, 0]);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn same_notice_twice_changes_nothing(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let key = rig.archive("a", &batch(0..10)).await;

    rig.deliver(&[&key, &key]).await;
    let retried = rig.deliver(&[&key]).await;

    assert!(retried.is_empty());
    assert_eq!(rig.rows().await, [10, 0, 1]);
    assert_eq!(rig.counts(), [10, 10, 0, 0]);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn same_events_under_another_id_are_duplicates(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let keys = [
        rig.archive("a", &batch(0..10)).await,
        rig.archive("b", &batch(5..15)).await,
    ];

    let retried = rig.deliver(&[&keys[0], &keys[1]]).await;

    assert!(retried.is_empty());
    assert_eq!(rig.rows().await, [15, 0, 2]);
    assert_eq!(rig.counts(), [20, 15, 5, 0]);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn one_bad_event_among_good_ones_is_rejected_alone(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let year_1970 = event(2, 1_000);
    let body =
        serde_json::to_vec(&[event(1, 1_770_000_000), year_1970, event(3, 1_770_000_001)]).unwrap();
    let key = rig.archive("a", &body).await;

    let retried = rig.deliver(&[&key]).await;

    assert!(retried.is_empty());
    assert_eq!(rig.rows().await, [2, 1, 1]);
    assert_eq!(rig.counts(), [3, 2, 0, 1]);
    assert_eq!(
        rig.number("select ordinal::bigint from email_events_rejected")
            .await,
        1
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn pings_and_empty_batches_leave_no_event_and_no_rejection(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let keys = [
        rig.archive("ping", br#"[{"msys":{}}]"#).await,
        rig.archive("empty", b"[]").await,
    ];

    let retried = rig.deliver(&[&keys[0], &keys[1]]).await;

    assert!(retried.is_empty());
    assert_eq!(rig.rows().await, [0, 0, 2]);
    assert_eq!(rig.counts(), [0; 4]);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn body_that_is_no_batch_is_kept_in_the_database(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let key = rig.archive("junk", b"\x1f\x8b never was gzip").await;

    let retried = rig.deliver(&[&key]).await;

    assert!(retried.is_empty());
    assert_eq!(rig.rows().await, [0, 1, 1]);
    assert_eq!(rig.counts(), [1, 0, 0, 1]);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn every_record_of_a_notice_is_loaded(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let keys = [
        rig.archive("a", &batch(0..3)).await,
        rig.archive("b", &batch(3..5)).await,
    ];
    let notification = rig.notification(&[&keys[0], &keys[1]]);

    let retried = rig
        .deliver_messages(&[notification], std::time::Duration::from_mins(1))
        .await;

    assert!(retried.is_empty());
    assert_eq!(rig.rows().await, [5, 0, 2]);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn test_event_of_s3_is_done(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let event = include_str!("../../../../../events/envelopes/loader-sqs-s3-test-event.json");

    let retried = rig
        .invoke(
            serde_json::from_str(event).unwrap(),
            std::time::Duration::from_mins(1),
        )
        .await;

    assert!(retried.is_empty());
    assert_eq!(rig.rows().await, [0, 0, 0]);
    assert!(rig.rejections().await.is_empty());
}

#[sqlx::test(migrations = "../../../migrations")]
async fn two_loaders_on_the_same_objects_at_once_store_each_event_once(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let mut keys = Vec::new();
    for first in 0..8 {
        keys.push(
            rig.archive(&format!("b{first}"), &batch(first * 50..first * 50 + 100))
                .await,
        );
    }
    let forth: Vec<&str> = keys.iter().map(String::as_str).collect();
    let back: Vec<&str> = forth.iter().rev().copied().collect();
    let url = sqlx::ConnectOptions::to_url_lossy(pool.connect_options().as_ref()).to_string();
    let other = rig.with_database(&url);

    let retried = tokio::join!(rig.deliver(&forth), other.deliver(&back));

    assert_eq!(retried, (vec![], vec![]));
    assert_eq!(rig.rows().await, [450, 0, 8]);
    assert_eq!(rig.counts(), [800, 450, 350, 0]);
}
