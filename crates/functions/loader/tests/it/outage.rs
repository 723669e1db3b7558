//! An outage of a dependency leaves the message in the queue, and nothing is lost.

use std::time::{Duration, Instant};

use event_store::{DatabaseConfig, Login, Store};
use function_kit::capture::CapturedLog;
use postgres_stand_in::{Behaviour, Cluster, Logins, Proxy};
use sqlx::{ConnectOptions, PgPool};
use tokio::net::TcpListener;

use crate::rig::{RETRY_FOR, Rig, batch, closed_port};

#[sqlx::test(migrations = "../../../migrations")]
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

    // It is available again, and the messages are delivered again.
    let retried = rig.deliver(&keys).await;

    assert!(retried.is_empty());
    assert_eq!(rig.rows().await, [100, 0, 10]);
    assert!(rig.rejections().await.is_empty());
}

#[sqlx::test(migrations = "../../../migrations")]
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

#[sqlx::test(migrations = "../../../migrations")]
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

#[sqlx::test(migrations = "../../../migrations")]
async fn s3_that_never_answers_is_left_in_time_to_say_so(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let key = rig.archive("a", &batch(0..3)).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = rig
        .with_s3(&format!("http://{}", silent.local_addr().unwrap()))
        .await;
    let available = Duration::from_secs(2);
    let started = Instant::now();

    let messages = [rig.notification(&[&key]), rig.notification(&[&key])];
    let retried = hanging.deliver_messages(&messages, available).await;

    assert_eq!(retried, [0, 1]);
    assert!(started.elapsed() < available, "{:?}", started.elapsed());
}

/// The URL of a test's database through a proxy.
fn url_behind(pool: &PgPool, proxy: &Proxy) -> String {
    let options = pool.connect_options().as_ref().clone();
    let options = options.host("127.0.0.1").port(proxy.port());
    options.to_url_lossy().to_string()
}

#[sqlx::test(migrations = "../../../migrations")]
async fn database_that_refuses_every_login_is_tried_once_and_logged_as_an_error(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let keys = [
        rig.archive("a", &batch(0..3)).await,
        rig.archive("b", &batch(3..6)).await,
    ];
    for sqlstate in ["28P01", "28000", "3D000", "08P01", "0A000"] {
        let behaviour = Behaviour::Refusing {
            logins: usize::MAX,
            sqlstate,
        };
        let port = pool.connect_options().get_port();
        let proxy = Proxy::before(port, behaviour).await.unwrap();
        let refused = rig.with_database(&url_behind(&pool, &proxy));
        let log = CapturedLog::start();

        let retried = refused.deliver(&[&keys[0], &keys[1]]).await;

        assert_eq!(retried, [0, 1], "{sqlstate}");
        assert_eq!(proxy.logins(), 1, "{sqlstate}");
        let log = log.text();
        assert!(
            log.contains("database refuses every login"),
            "{sqlstate}: {log}"
        );
        assert!(!log.contains("database unavailable"), "{sqlstate}: {log}");
    }
    assert!(rig.rejections().await.is_empty());
    assert!(rig.deliver(&[&keys[0], &keys[1]]).await.is_empty());
}

#[sqlx::test(migrations = "../../../migrations")]
async fn batch_that_takes_more_than_there_is_does_not_hold_up_the_others(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let keys = [
        rig.archive("a", &batch(0..3)).await,
        rig.archive("b", &batch(3..6)).await,
    ];
    // Out of memory or of locks; of temporary files; a failure of Postgres.
    for sqlstate in ["53200", "53400", "XX000"] {
        let behaviour = Behaviour::Failing {
            text: "copy email_events",
            sqlstate,
        };
        let port = pool.connect_options().get_port();
        let proxy = Proxy::before(port, behaviour).await.unwrap();
        let short = rig.with_database(&url_behind(&pool, &proxy));
        let log = CapturedLog::start();

        let retried = short.deliver(&[&keys[0], &keys[1]]).await;

        assert_eq!(retried, [0, 1], "{sqlstate}");
        let log = log.text();
        let begun = log.matches("object not loaded").count();
        assert_eq!(begun, 2, "{sqlstate}: {log}");
        assert!(!log.contains("deferred"), "{sqlstate}: {log}");
    }
    assert!(rig.rejections().await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn login_by_iam_that_fails_twice_loads_the_batch_all_the_same(pool: PgPool) {
    let bin: String = sqlx::query_scalar("select setting from pg_config where name = 'BINDIR'")
        .fetch_one(&pool)
        .await
        .unwrap();
    let cluster = Cluster::start(bin.as_ref(), Logins::Trusted).await.unwrap();
    let url = cluster.url("postgres", "none", "postgres");
    let own = PgPool::connect(&url).await.unwrap();
    let rig = Rig::new(&own).await;
    rig.deps.store.migrate().await.unwrap();
    let key = rig.archive("a", &batch(0..3)).await;
    let behaviour = Behaviour::Refusing {
        logins: 2,
        sqlstate: "28000",
    };
    let proxy = Proxy::before(cluster.port(), behaviour).await.unwrap();
    let mut config = DatabaseConfig::new(
        format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port()).into(),
        "loader-test",
    );
    config.login = Login::Iam;
    let mut by_iam = rig.clone();
    by_iam.deps.store = Store::connect_lazy(&config).unwrap();

    let retried = by_iam.deliver(&[&key]).await;

    assert!(retried.is_empty());
    assert_eq!(proxy.logins(), 3);
    assert_eq!(rig.rows().await, [3, 0, 1]);
}
