//! A database that is away, slow or not ours.

use std::time::Duration;

use axum::http::{StatusCode, header};
use sqlx::PgPool;

use crate::service::Service;

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

#[sqlx::test(migrations = "../../migrations")]
async fn search_that_takes_too_long_is_a_504_with_a_hint(pool: PgPool) {
    let service = Service::over(&pool);
    let slow = Service::with(|config| {
        config.url = url_of(&pool);
        config.statement_timeout = Duration::from_millis(100);
    });
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("lock table events in access exclusive mode")
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
    use sqlx::ConnectOptions;
    pool.connect_options().to_url_lossy().to_string().into()
}
