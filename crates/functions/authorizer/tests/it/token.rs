//! Tokens: requested like SparkPost and other clients do, and used as keys.

use authorizer::{AuthorizerEvent, Scope, handle};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};

use crate::rig::{QUERY_ROUTE, Rig, SPARKPOST_ROUTE, made_key};

const DOCUMENT: &str = r#"{"signing_key":"s1gning"}"#;

/// An event in the form of an HTTP API's event: the body, and the header if there is one.
fn event(body: &str, authorization: Option<&str>) -> Value {
    let mut headers = json!({ "content-type": "application/json" });
    if let Some(value) = authorization {
        headers["authorization"] = json!(value);
    }
    json!({
        "version": "2.0",
        "routeKey": "POST /oauth/token",
        "rawPath": "/oauth/token",
        "headers": headers,
        "requestContext": { "http": { "method": "POST", "sourceIp": "192.0.2.140" } },
        "body": body,
        "isBase64Encoded": false,
    })
}

async fn ask(rig: &Rig, event: Value) -> (u64, Value) {
    let event: AuthorizerEvent = serde_json::from_value(event).unwrap();
    let event = LambdaEvent::new(event, Context::default());
    let answer = serde_json::to_value(handle(&rig.deps, event).await.unwrap()).unwrap();
    let body = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    (answer["statusCode"].as_u64().unwrap(), body)
}

#[tokio::test]
async fn client_credentials_bring_a_token_that_opens_what_its_key_opens() {
    let rig = Rig::with_secret(DOCUMENT).await;
    let key = made_key(DOCUMENT, Scope::Sparkpost);
    let json =
        json!({ "grant_type": "client_credentials", "client_id": "x", "client_secret": key });
    let basic = format!("Basic {}", base64(&format!("x:{key}")));
    let events = [
        event(&json.to_string(), None),
        event(
            &format!("grant_type=client_credentials&client_secret={key}"),
            None,
        ),
        event("grant_type=client_credentials", Some(&basic)),
    ];

    for event in events {
        let (status, body) = ask(&rig, event).await;
        assert_eq!((status, &body["expires_in"]), (200, &json!(3600)), "{body}");
        let bearer = format!("Bearer {}", body["access_token"].as_str().unwrap());
        assert!(rig.opens(SPARKPOST_ROUTE, &bearer, 0).await.unwrap());
        assert!(!rig.opens(QUERY_ROUTE, &bearer, 0).await.unwrap());
    }
}

#[tokio::test]
async fn other_requests_bring_an_error_of_oauth() {
    let rig = Rig::with_secret(DOCUMENT).await;
    let key = made_key(DOCUMENT, Scope::Sparkpost);
    let query = made_key(DOCUMENT, Scope::Query);
    let with_secret = |secret: &str| json!({ "client_secret": secret }).to_string();
    let table = [
        (with_secret("wrong"), 401, "invalid_client"),
        (with_secret(&query), 401, "invalid_client"),
        (String::new(), 400, "invalid_request"),
        (with_secret(""), 400, "invalid_request"),
        (
            "grant_type=password&client_secret=x".to_owned(),
            400,
            "unsupported_grant_type",
        ),
        (with_secret(&"x".repeat(5_000)), 413, "invalid_request"),
        (
            json!({ "grant_type": ["password"], "client_secret": key }).to_string(),
            400,
            "invalid_request",
        ),
    ];

    for (body, status, error) in table {
        let answer = ask(&rig, event(&body, None)).await;
        assert_eq!(answer, (status, json!({ "error": error })));
    }
}

#[tokio::test]
async fn only_its_own_path_leads_to_the_endpoint() {
    let rig = Rig::with_secret(DOCUMENT).await;
    let body = json!({ "client_secret": made_key(DOCUMENT, Scope::Sparkpost) }).to_string();
    let table = [
        ("POST /oauth/token", "/oauth/token", 200),
        ("POST /oauth/token", "//oauth/token/", 200),
        ("POST /oauth/{proxy+}", "/oauth//token", 200),
        ("POST /oauth/{proxy+}", "/oauth/other", 404),
        ("POST /oauth/{proxy+}", "/oauth/%2e%2e/token", 400),
        ("POST /oauth/token", "/webhooks/sparkpost", 404),
        ("GET /healthz", "/oauth/token", 404),
        ("$default", "/oauth/token", 404),
        ("", "", 404),
    ];

    for (route_key, raw_path, status) in table {
        let mut event = event(&body, None);
        event["routeKey"] = json!(route_key);
        event["rawPath"] = json!(raw_path);
        assert_eq!(ask(&rig, event).await.0, status, "{route_key} {raw_path}");
    }
}

/// The template's routes are those that the endpoint accepts.
#[test]
fn routes_are_those_of_the_template() {
    let template = include_str!("../../../../../template.yaml");
    let mut keys: Vec<_> = template
        .split("\n\n")
        .filter(|resource| resource.contains("Target: !Sub integrations/${TokenIntegration}"))
        .filter_map(|route| route.split("RouteKey: ").nth(1)?.lines().next())
        .collect();
    keys.sort_unstable();

    assert_eq!(keys, ["POST /oauth/token", "POST /oauth/{proxy+}"]);
}

#[tokio::test]
async fn webhook_and_tokens_are_for_the_networks_that_are_named() {
    let mut rig = Rig::with_secret(DOCUMENT).await;
    let key = made_key(DOCUMENT, Scope::Sparkpost);
    let body = json!({ "client_secret": key }).to_string();

    rig.deps.sparkpost_networks = "192.0.2.0/24".parse().unwrap();
    assert_eq!(ask(&rig, event(&body, None)).await.0, 200);

    rig.deps.sparkpost_networks = "198.51.100.0/24".parse().unwrap();
    assert_eq!(ask(&rig, event(&body, None)).await.0, 403);
    assert!(!rig.opens(SPARKPOST_ROUTE, &key, 0).await.unwrap());
    let query = made_key(DOCUMENT, Scope::Query);
    assert!(rig.opens(QUERY_ROUTE, &query, 0).await.unwrap());
}

fn base64(text: &str) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(text)
}
