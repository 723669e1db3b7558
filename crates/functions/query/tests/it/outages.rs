//! A database that is unavailable, slow or not ours.

use std::time::Duration;

use axum::http::{StatusCode, header};
use event_store::Login;
use postgres_stand_in::{Behaviour, Cluster, Logins, Proxy};
use sqlx::{ConnectOptions, PgPool};

use crate::service::{NOW, Service, TestEvent};

#[tokio::test]
async fn database_that_is_away_is_a_503_with_a_time_to_come_back() {
    let service = Service::with(|_| {});

    for path in ["/api/v1/events/message", "/healthz"] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.headers[header::RETRY_AFTER], "5");
        assert_eq!(
            answer.json()["errors"][0]["message"],
            "temporarily unavailable"
        );
    }
}

#[tokio::test]
async fn database_that_accepts_and_says_nothing_is_unhealthy_soon() {
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = mute.local_addr().unwrap().port();
    let service =
        Service::with(|config| config.url = format!("postgres://x@127.0.0.1:{port}/x").into());

    let answer = tokio::time::timeout(Duration::from_secs(4), service.get("/healthz")).await;

    assert_eq!(
        answer.expect("health has an answer within its time").status,
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn search_that_takes_too_long_is_a_504_with_a_hint(pool: PgPool) {
    let service = Service::over(&pool);
    let slow = Service::with(|config| {
        config.url = url_of(&pool);
        config.statement_timeout = Duration::from_millis(100);
    });
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("lock table email_events in access exclusive mode")
        .execute(&mut *lock)
        .await
        .unwrap();

    let answer = slow.search("").await;

    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(
        answer.json()["errors"][0]["description"]
            .as_str()
            .unwrap()
            .contains("shorter range")
    );
    lock.rollback().await.unwrap();
    assert_eq!(slow.search("").await.status, StatusCode::OK);
    assert_eq!(service.search("").await.status, StatusCode::OK);
}

#[sqlx::test(migrations = false)]
async fn database_without_our_tables_is_a_500_that_says_nothing(pool: PgPool) {
    let service = Service::over(&pool);

    let answer = service.search("").await;

    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        answer.json(),
        serde_json::json!({ "errors": [{ "message": "internal error" }] })
    );
    assert_eq!(
        service.get("/healthz").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
}

fn url_of(pool: &PgPool) -> secrecy::SecretString {
    pool.connect_options().to_url_lossy().to_string().into()
}

/// The function, connected to a test's database through a proxy.
async fn service_behind(pool: &PgPool, behaviour: Behaviour) -> (Service, Proxy) {
    let port = pool.connect_options().get_port();
    let proxy = Proxy::before(port, behaviour).await.unwrap();
    let options = pool.connect_options().as_ref().clone();
    let options = options.host("127.0.0.1").port(proxy.port());
    let url = options.to_url_lossy().to_string();
    let service = Service::with(|config| config.url = url.into());
    (service, proxy)
}

#[sqlx::test(migrations = "../../../migrations")]
async fn login_that_is_refused_is_a_503_when_it_passes_and_else_a_500(pool: PgPool) {
    for (sqlstate, status) in [
        ("57P03", StatusCode::SERVICE_UNAVAILABLE),
        ("53300", StatusCode::SERVICE_UNAVAILABLE),
        // The login timed out, which is not a slow search.
        ("57014", StatusCode::SERVICE_UNAVAILABLE),
        ("28P01", StatusCode::INTERNAL_SERVER_ERROR),
        ("28000", StatusCode::INTERNAL_SERVER_ERROR),
        ("08P01", StatusCode::INTERNAL_SERVER_ERROR),
        ("0A000", StatusCode::INTERNAL_SERVER_ERROR),
        ("3D000", StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let behaviour = Behaviour::Refusing {
            logins: usize::MAX,
            sqlstate,
        };
        let (service, _proxy) = service_behind(&pool, behaviour).await;

        assert_eq!(service.search("").await.status, status, "{sqlstate}");
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn search_that_fails_says_whether_coming_again_helps(pool: PgPool) {
    for (sqlstate, status) in [
        ("53200", StatusCode::SERVICE_UNAVAILABLE),
        ("40001", StatusCode::SERVICE_UNAVAILABLE),
        ("57P01", StatusCode::SERVICE_UNAVAILABLE),
        ("57014", StatusCode::GATEWAY_TIMEOUT),
        ("42501", StatusCode::INTERNAL_SERVER_ERROR),
        ("XX000", StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let behaviour = Behaviour::Failing {
            text: "from email_events",
            sqlstate,
        };
        let (service, _proxy) = service_behind(&pool, behaviour).await;

        assert_eq!(service.search("").await.status, status, "{sqlstate}");
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn time_zone_that_postgres_does_not_know_is_a_400_that_names_it(pool: PgPool) {
    let behaviour = Behaviour::Failing {
        text: "at time zone",
        sqlstate: "22023",
    };
    let (service, _proxy) = service_behind(&pool, behaviour).await;

    for query in [
        "group_by=day&timezone=US/Eastern&from=2026-11-01",
        "group_by=hour,type&timezone=America/Coyhaique&from=2026-11-01&events=open",
    ] {
        let answer = service.get(&format!("/api/v1/events/counts?{query}")).await;

        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.json()["errors"][0]["param"], "timezone", "{query}");
    }
    assert_eq!(service.search("").await.status, StatusCode::OK);
}

#[sqlx::test(migrations = false)]
async fn login_by_iam_that_fails_twice_answers_the_search_all_the_same(pool: PgPool) {
    let bin: String = sqlx::query_scalar("select setting from pg_config where name = 'BINDIR'")
        .fetch_one(&pool)
        .await
        .unwrap();
    let cluster = Cluster::start(bin.as_ref(), Logins::Trusted).await.unwrap();
    let url = cluster.url("postgres", "none", "postgres");
    let direct = Service::with(|config| config.url = url.into());
    direct.store.migrate().await.unwrap();
    direct
        .load(&[TestEvent::new(1, "open", NOW.unix_timestamp() - 86_400)])
        .await;
    let behind = async |logins| {
        let behaviour = Behaviour::Refusing {
            logins,
            sqlstate: "28000",
        };
        let proxy = Proxy::before(cluster.port(), behaviour).await.unwrap();
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port());
        let service = Service::with(|config| {
            config.url = url.into();
            config.login = Login::Iam;
            config.retry_for = Duration::from_secs(2);
        });
        (service, proxy)
    };

    let (service, _proxy) = behind(2).await;
    let answer = service.search("from=2026-11-01").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["results"].as_array().unwrap().len(), 1);

    let (service, _proxy) = behind(usize::MAX).await;
    let answer = service.search("").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers[header::RETRY_AFTER], "5");
}
