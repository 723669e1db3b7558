use std::time::{Duration, Instant};

use aws_io::gzip;
use axum::{Router, http::StatusCode};
use tokio::net::TcpListener;

use crate::rig::{MAX_BODY_BYTES, Rig, STORE_DEADLINE, request};

const BATCH: &str = r#"[{"msys":{}}]"#;

async fn assert_put_off(endpoint_url: &str) {
    let rig = Rig::before(endpoint_url).await;
    let started = Instant::now();

    let answer = rig.post(&[], BATCH).await;

    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        answer.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse::<u32>()
            .unwrap()
            > 0
    );
    assert!(answer.body["errors"][0]["message"].is_string());
    assert!(
        started.elapsed() < STORE_DEADLINE + Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    let counts =
        ["batches_received", "batches_refused", "batches_stored"].map(|name| rig.metric(name));
    assert_eq!(counts, [1, 1, 0]);
}

#[tokio::test]
async fn store_that_fails_is_503_and_nothing_is_acknowledged() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let failing = Router::new().fallback(|| async { StatusCode::INTERNAL_SERVER_ERROR });
    tokio::spawn(axum::serve(listener, failing).into_future());

    assert_put_off(&url).await;
}

#[tokio::test]
async fn store_that_never_answers_is_503_within_the_deadline() {
    // The kernel accepts connections, which are never read.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();

    assert_put_off(&format!("http://{}", silent.local_addr().unwrap())).await;
}

#[tokio::test]
async fn store_that_is_not_there_is_503() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();

    assert_put_off(&format!("http://{closed}")).await;
}

#[tokio::test]
async fn body_over_the_limit_is_413_and_one_at_the_limit_is_stored() {
    let rig = Rig::open().await;

    let at_limit = rig.post(&[], " ".repeat(MAX_BODY_BYTES)).await;
    let over_limit = rig.post(&[], " ".repeat(MAX_BODY_BYTES + 1)).await;

    assert_eq!(
        (at_limit.status, over_limit.status),
        (StatusCode::OK, StatusCode::PAYLOAD_TOO_LARGE)
    );
    assert_eq!(over_limit.body["errors"][0]["message"], "body too large");
    assert_eq!(rig.keys().await.len(), 1);
    let counts =
        ["batches_received", "batches_stored", "batches_refused"].map(|name| rig.metric(name));
    assert_eq!(counts, [2, 1, 1]);
}

#[tokio::test]
async fn body_that_expands_too_far_is_413() {
    let rig = Rig::open().await;
    // Many small members: each claims little, together they exceed the limit, and they are below it in transit.
    let member = gzip::encode(&vec![b' '; 1 << 20]);
    let bomb = member.repeat(gzip::MAX_BATCH_BYTES / (1 << 20) + 1);

    let answer = rig.post(&[("content-encoding", "gzip")], bomb).await;

    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(rig.keys().await.is_empty());
}

#[tokio::test]
async fn other_methods_and_paths_have_the_same_error_body() {
    let rig = Rig::open().await;

    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let answer = rig
            .send(request(method, "/webhooks/sparkpost", &[], ""))
            .await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.headers["allow"], "POST");
        assert_eq!(answer.body["errors"][0]["message"], "method not allowed");
    }
    let answer = rig
        .send(request("POST", "/webhooks/other", &[], BATCH))
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.body["errors"][0]["message"], "resource not found");
}
