//! A dependency that is down leaves the message with the queue, and nothing is lost.

use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio::net::TcpListener;

use crate::rig::{RETRY_FOR, Rig, batch, closed_port};

#[sqlx::test(migrations = "../../migrations")]
async fn database_that_is_away_keeps_every_message_and_is_waited_for_once(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let mut keys = Vec::new();
    for index in 0..10 {
        keys.push(
            rig.archive(&format!("b{index}"), &batch(index * 10..index * 10 + 10))
                .await,
        );
    }
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let away = rig.with_database(&format!(
        "postgres://postgres@127.0.0.1:{}/none",
        closed_port()
    ));
    let started = Instant::now();

    let retried = away.deliver(&keys).await;

    assert_eq!(retried, (0..10).collect::<Vec<_>>());
    assert!(started.elapsed() < RETRY_FOR * 3, "{:?}", started.elapsed());
    assert_eq!((rig.metric("retried"), rig.counts()), (10, [0; 4]));

    // It comes back, and so do the messages.
    let retried = rig.deliver(&keys).await;

    assert!(retried.is_empty());
    assert_eq!(rig.rows().await, [100, 0, 10]);
    assert!(rig.rejections().await.is_empty());
}

#[sqlx::test(migrations = "../../migrations")]
async fn database_that_never_answers_keeps_the_messages(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let key = rig.archive("a", &batch(0..3)).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://postgres@{}/none", silent.local_addr().unwrap());

    let retried = rig.with_database(&url).deliver(&[&key, &key]).await;

    assert_eq!(retried, [0, 1]);
    assert!(rig.rejections().await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn database_without_tables_keeps_the_messages(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let keys = [
        rig.archive("a", &batch(0..3)).await,
        rig.archive("b", &batch(3..6)).await,
    ];

    let retried = rig.deliver(&[&keys[0], &keys[1]]).await;

    assert_eq!(retried, [0, 1]);
    assert!(rig.rejections().await.is_empty());
}

#[sqlx::test(migrations = "../../migrations")]
async fn s3_that_is_away_keeps_the_messages(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let key = rig.archive("a", &batch(0..3)).await;
    let away = rig
        .with_s3(&format!("http://127.0.0.1:{}", closed_port()))
        .await;

    let retried = away.deliver(&[&key]).await;

    assert_eq!(retried, [0]);
    assert_eq!(rig.rows().await, [0, 0, 0]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn s3_that_never_answers_is_left_in_time_to_say_so(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let key = rig.archive("a", &batch(0..3)).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = rig
        .with_s3(&format!("http://{}", silent.local_addr().unwrap()))
        .await;
    let available = Duration::from_secs(2);
    let started = Instant::now();

    let messages = [rig.notice(&[&key]), rig.notice(&[&key])];
    let retried = hanging.deliver_messages(&messages, available).await;

    assert_eq!(retried, [0, 1]);
    assert!(started.elapsed() < available, "{:?}", started.elapsed());
}
