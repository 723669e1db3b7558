//! The function between a stand-in for Secrets Manager and one for the migrator.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use aws_io::Aws;
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri},
};
use boot::capture::CapturedLog;
use lambda_runtime::{Context, LambdaEvent};
use master_login::{Config, Deps, handle};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Mutex};

const LOGIN: &str = r#"{"username":"cistern_master","password":"planted"}"#;

/// What AWS was asked for: the path, and the body.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

async fn answer(
    State(asked): State<Asked>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Json<Value> {
    let is_secret = headers.contains_key("x-amz-target");
    let body = serde_json::from_slice(&body).unwrap();
    asked.lock().await.push((uri.path().to_owned(), body));
    Json(if is_secret {
        json!({ "ARN": "arn", "Name": "master", "SecretString": LOGIN })
    } else {
        Value::Null
    })
}

/// Handles a request, and tells what the migrator was called with.
async fn hand_over(request: &Value) -> Vec<(String, Value)> {
    let asked = Asked::default();
    let router = Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&asked));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = Config {
        secret_id: "master".to_owned(),
        migrator: "the-migrator".to_owned(),
    };
    let deps = Deps::with(config, &Aws::local(&endpoint).await);

    let event = LambdaEvent::new(request.clone(), Context::default());
    handle(&deps, event).await.unwrap();

    let asked = asked.lock().await;
    asked.clone()
}

#[tokio::test]
async fn new_database_comes_with_its_master_login() {
    let log = CapturedLog::start();
    let request = json!({ "RequestType": "Create", "StackId": "s" });

    let asked = hand_over(&request).await;

    let (path, body) = asked.last().unwrap();
    assert_eq!(path, "/2015-03-31/functions/the-migrator/invocations");
    assert_eq!(body["StackId"], "s");
    assert_eq!(body["MasterLogin"]["username"], "cistern_master");
    assert_eq!(body["MasterLogin"]["password"], "planted");
    let log = log.text();
    assert!(log.contains("request handed over"), "{log}");
    assert!(!log.contains("planted"), "{log}");
}

#[tokio::test]
async fn known_database_comes_as_it_is_and_no_secret_is_read() {
    let request = json!({
        "RequestType": "Update",
        "ResourceProperties": { "Database": "db-1", "MigratorVersion": "2" },
        "OldResourceProperties": { "Database": "db-1", "MigratorVersion": "1" },
    });

    let asked = hand_over(&request).await;

    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].1, request);
}
