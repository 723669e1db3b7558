//! The function between a stand-in for Secrets Manager and one for the gateway.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_io::Aws;
use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use canary::{Config, Deps, ProbeError, handle};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Mutex};

const DOCUMENT: &str = r#"{"signing_key":"s","sparkpost":"sender","query":"reader"}"#;

/// How the gateway behaves, and what it received.
#[derive(Default)]
struct Gateway {
    takes: Option<StatusCode>,
    loses: bool,
    batches: Mutex<Vec<Value>>,
}

fn is(headers: &HeaderMap, key: &str) -> bool {
    headers["authorization"] == key
}

async fn take(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    Json(batch): Json<Value>,
) -> StatusCode {
    if !is(&headers, "sender") {
        return StatusCode::FORBIDDEN;
    }
    gateway.batches.lock().await.push(batch);
    gateway.takes.unwrap_or(StatusCode::OK)
}

async fn search(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    Query(asked): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, StatusCode> {
    if !is(&headers, "reader") {
        return Err(StatusCode::FORBIDDEN);
    }
    let batches = gateway.batches.lock().await;
    let event = &batches[0][0]["msys"]["message_event"];
    let is_found = !gateway.loses
        && asked
            == [(
                "messages".to_owned(),
                event["message_id"].as_str().unwrap().to_owned(),
            )];
    let results = if is_found {
        vec![event.clone()]
    } else {
        Vec::new()
    };
    Ok(Json(json!({ "results": results })))
}

async fn probe(gateway: Gateway) -> (Result<(), ProbeError>, Arc<Gateway>) {
    let gateway = Arc::new(gateway);
    let secret = json!({ "ARN": "arn", "Name": "keys", "SecretString": DOCUMENT });
    let router = Router::new()
        .route("/", post(async || Json(secret)))
        .route("/webhook", post(take))
        .route("/search", get(search))
        .with_state(Arc::clone(&gateway));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = Config {
        secret_id: "keys".to_owned(),
        webhook_url: format!("{origin}/webhook"),
        query_url: format!("{origin}/search"),
        timeout: Duration::from_millis(200),
    };
    let deps = Deps::with(config, &Aws::local(&origin).await, SystemTime::now).unwrap();

    let mut context = Context::default();
    "c0ffee".clone_into(&mut context.request_id);
    let outcome = handle(&deps, LambdaEvent::new(Value::Null, context)).await;
    (outcome, gateway)
}

#[tokio::test]
async fn probe_succeeds_when_the_event_is_found() {
    let (outcome, gateway) = probe(Gateway::default()).await;

    outcome.unwrap();
    let batches = gateway.batches.lock().await;
    let event = &batches[0][0]["msys"]["message_event"];
    assert_eq!(event["campaign_id"], "cistern-canary");
    assert_eq!(event["message_id"], "cistern-canary-c0ffee");
}

#[tokio::test]
async fn refused_batch_is_reported_with_its_step() {
    let gateway = Gateway {
        takes: Some(StatusCode::SERVICE_UNAVAILABLE),
        ..Gateway::default()
    };

    let error = probe(gateway).await.0.unwrap_err();

    let expected = "posting the batch: the gateway responded with 503 Service Unavailable";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn event_that_a_search_does_not_find_is_an_error() {
    let gateway = Gateway {
        loses: true,
        ..Gateway::default()
    };

    assert!(matches!(
        probe(gateway).await.0,
        Err(ProbeError::NotFound { .. })
    ));
}
