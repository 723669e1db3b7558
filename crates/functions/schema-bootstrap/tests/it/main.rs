//! The function between a stand-in for Secrets Manager and one for the migrator.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use aws_io::Aws;
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use function_kit::capture::CapturedLog;
use lambda_runtime::{Context, LambdaEvent};
use schema_bootstrap::{Config, Deps, ForwardError, handle};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Mutex};

const LOGIN: &str = r#"{"username":"cistern_master","password":"planted"}"#;

/// The requests received by AWS and CloudFormation: path and body.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// The fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failing {
    Nothing,
    Secret,
    /// The secret is not a login.
    Login,
    /// The migrator ends with an error.
    Migrator,
    /// It may not be invoked.
    Call,
}

const SECRET: &str = "/";
const MIGRATOR: &str = "/2015-03-31/functions/the-migrator/invocations";
const ANSWER: &str = "/answer";

async fn answer(
    State((asked, failing)): State<(Asked, Failing)>,
    uri: Uri,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap();
    asked.lock().await.push((uri.path().to_owned(), body));
    let failure = |status| (status, Json(json!({ "__type": "AccessDenied" }))).into_response();
    match (uri.path(), failing) {
        (SECRET, Failing::Secret) | (MIGRATOR, Failing::Call) => failure(StatusCode::FORBIDDEN),
        (SECRET, Failing::Login) => Json(json!({ "SecretString": "planted" })).into_response(),
        (SECRET, _) => Json(json!({ "SecretString": LOGIN })).into_response(),
        (MIGRATOR, Failing::Migrator) => {
            ([("x-amz-function-error", "Unhandled")], Json(json!({}))).into_response()
        }
        _ => Json(Value::Null).into_response(),
    }
}

fn request(request_type: &str) -> Value {
    json!({
        "RequestType": request_type,
        "StackId": "s",
        "RequestId": "r",
        "LogicalResourceId": "Migration",
    })
}

/// Handles a request. Returns the requests that it caused.
async fn forward(mut request: Value, failing: Failing) -> Vec<(String, Value)> {
    let asked = Asked::default();
    let router = Router::new()
        .fallback(answer)
        .with_state((Arc::clone(&asked), failing));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = Config {
        secret_id: "master".to_owned(),
        migrator: "the-migrator".to_owned(),
    };
    let deps = Deps::with(config, &Aws::local(&endpoint).await).unwrap();

    request["ResponseURL"] = format!("{endpoint}{ANSWER}?signature=planted").into();
    let event = LambdaEvent::new(request, Context::default());
    handle(&deps, event).await.unwrap();

    let asked = asked.lock().await;
    asked.clone()
}

#[tokio::test]
async fn request_for_a_new_database_has_its_master_login() {
    let log = CapturedLog::start();

    let asked = forward(request("Create"), Failing::Nothing).await;

    let (path, body) = asked.last().unwrap();
    assert_eq!(path, MIGRATOR);
    assert_eq!(body["StackId"], "s");
    assert_eq!(body["MasterLogin"]["username"], "cistern_master");
    assert_eq!(body["MasterLogin"]["password"], "planted");
    let log = log.text();
    assert!(log.contains("request forwarded"), "{log}");
    assert!(!log.contains("planted"), "{log}");
}

#[tokio::test]
async fn request_for_a_known_database_is_unchanged_and_no_secret_is_read() {
    let mut update = request("Update");
    update["ResourceProperties"] = json!({ "Database": "db-1", "MigratorVersion": "2" });
    update["OldResourceProperties"] = json!({ "Database": "db-1", "MigratorVersion": "1" });

    let asked = forward(update.clone(), Failing::Nothing).await;

    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].0, MIGRATOR);
    for (name, value) in update.as_object().unwrap() {
        assert_eq!(&asked[0].1[name], value);
    }
    assert!(asked[0].1.get("MasterLogin").is_none());
}

#[tokio::test]
async fn delete_is_answered_without_the_migrator() {
    let mut delete = request("Delete");
    delete["PhysicalResourceId"] = json!("as-it-was");

    let asked = forward(delete, Failing::Call).await;

    assert_eq!(asked.len(), 1);
    let (path, body) = &asked[0];
    assert_eq!(path, ANSWER);
    assert_eq!(body["Status"], "SUCCESS");
    assert_eq!(body["PhysicalResourceId"], "as-it-was");
    assert_eq!(body["RequestId"], "r");
}

#[tokio::test]
async fn failure_of_the_migrator_is_reported_with_its_reason() {
    for (failing, reason) in [
        (Failing::Secret, "reading the database's master login"),
        (Failing::Login, "not a JSON object with a username"),
        (Failing::Migrator, "function the-migrator failed"),
        (Failing::Call, "invoking function the-migrator"),
    ] {
        let log = CapturedLog::start();

        let asked = forward(request("Create"), failing).await;

        let (path, body) = asked.last().unwrap();
        assert_eq!(path, ANSWER, "{failing:?}");
        assert_eq!(body["Status"], "FAILED", "{failing:?}");
        assert_eq!(body["PhysicalResourceId"], "cistern-database-schema");
        let told = body["Reason"].as_str().unwrap();
        assert!(told.contains(reason), "{failing:?}: {told}");
        assert!(
            !told.contains("planted") && !log.text().contains("planted"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn event_that_is_not_a_request_is_an_error() {
    let config = Config {
        secret_id: "master".to_owned(),
        migrator: "the-migrator".to_owned(),
    };
    let deps = Deps::with(config, &Aws::local("http://127.0.0.1:1").await).unwrap();

    for event in [json!({}), json!({ "RequestType": "Delete" })] {
        let event = LambdaEvent::new(event, Context::default());
        let error = handle(&deps, event).await.unwrap_err();

        assert!(matches!(error, ForwardError::NotARequest(_)), "{error:?}");
    }
}
