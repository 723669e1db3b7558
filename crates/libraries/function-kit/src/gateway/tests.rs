use axum::{
    body::Bytes,
    extract::Request,
    http::{HeaderMap, Method, Uri},
    routing::any,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::capture::CapturedLog;

const ROUTES: [&str; 3] = ["GET /healthz", "ANY /api/{proxy+}", "POST /hook"];

/// Returns the request that it received.
async fn echo(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> String {
    let host = headers.get("host").map(|host| host.to_str().unwrap_or(""));
    let body = body.len();
    format!("{method} {uri} {} {host:?} {body}", headers.len())
}

fn event(route_key: &str, method: &str, raw_path: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": raw_path,
        "rawQueryString": "",
        "headers": {},
        "requestContext": {
            "routeKey": route_key,
            "domainName": "api.example",
            "http": { "method": method, "path": raw_path, "sourceIp": "192.0.2.1" },
            "stage": "$default",
        },
        "isBase64Encoded": false,
    })
}

async fn ask(event: Value) -> (u16, String) {
    let router = Router::new().fallback(any(echo));
    let answer = respond(router, &ROUTES, serde_json::from_value(event).unwrap()).await;
    let answer = serde_json::to_value(answer).unwrap();
    let status = answer["statusCode"].as_u64().unwrap();
    (
        status.try_into().unwrap(),
        answer["body"].as_str().unwrap().to_owned(),
    )
}

/// The path and query that the router receives for a search; empty if it receives none.
async fn seen(raw_path: &str, raw_query: &str) -> String {
    let mut event = event("ANY /api/{proxy+}", "GET", raw_path);
    event["rawQueryString"] = json!(raw_query);
    let (status, body) = ask(event).await;
    if status == 200 {
        body.split(' ').nth(1).unwrap_or_default().to_owned()
    } else {
        String::new()
    }
}

#[tokio::test]
async fn query_that_is_no_uri_reaches_the_router() {
    let query = "subjects=Summer deals \"<now>\"&reason=caf\u{e9}#1\u{7f}\n";

    assert_eq!(
        seen("/api/x", query).await,
        "/api/x?subjects=Summer%20deals%20%22%3Cnow%3E%22&reason=caf%C3%A9%231%7F%0A"
    );
}

#[tokio::test]
async fn encoded_query_stays_as_it_is() {
    let query = "events=delivery%2Cbounce&recipients=a+b@example.com&from=2022-02-25T00:00:00Z&x='{}|^`[]\\";

    assert_eq!(seen("/api/x", query).await, format!("/api/x?{query}"));
}

#[tokio::test]
async fn path_is_a_path_whatever_the_gateway_has_decoded() {
    for (raw_path, path) in [
        ("/api/a b?x=1#y", "/api/a%20b%3Fx=1%23y"),
        ("//api///x//", "/api/x"),
        ("/api/caf\u{e9}", "/api/caf%C3%A9"),
        ("/api/%2520", "/api/%2520"),
        ("/api/100%", "/api/100%25"),
    ] {
        assert_eq!(seen(raw_path, "").await, path);
    }
}

#[tokio::test]
async fn what_the_route_does_not_cover_is_refused_and_told_once_without_content() {
    let table = [
        ("GET /healthz", "GET", "/api/planted", 404),
        ("GET /healthz", "POST", "/healthz", 404),
        ("GET /other", "GET", "/other", 404),
        ("$default", "GET", "/healthz", 404),
        ("", "GET", "/healthz", 404),
        ("GET /healthz", "GET", "/healthz/../api/planted", 400),
        ("GET /healthz", "GET", "/%2e%2e/healthz", 400),
        ("ANY /api/{proxy+}", "GET", "/api/\u{0}", 404),
        ("ANY /api/{proxy+}", "no method", "/api/x", 400),
    ];

    for (route_key, method, raw_path, expected) in table {
        let log = CapturedLog::start();
        let (status, body) = ask(event(route_key, method, raw_path)).await;

        assert_eq!(status, expected, "{route_key} {method} {raw_path}");
        assert!(body.starts_with(r#"{"errors":[{"message":"#), "{body}");
        assert_eq!(log.text().lines().count(), 1, "{}", log.text());
        assert!(!log.text().contains("planted"));
    }
}

#[tokio::test]
async fn two_route_keys_that_differ_are_refused() {
    let mut event = event("ANY /api/{proxy+}", "GET", "/api/x");
    event["requestContext"]["routeKey"] = json!("GET /healthz");

    assert_eq!(ask(event).await.0, 404);
}

#[tokio::test]
async fn host_is_the_gateways_and_headers_that_are_none_are_left_out() {
    let mut event = event("GET /healthz", "GET", "/healthz");
    event["headers"] = json!({
        "Host": "evil/..?", "forwarded": "host=evil", "X-Forwarded-Proto": "https://x/api/1?",
        "x-forwarded-host": "evil", "x-original-url": "/api/1", "x-rewrite-url": "/api/1",
        "no name": "1", "x-control": "a\u{7f}b", "x-mine": "1",
    });

    let (status, body) = ask(event).await;

    assert_eq!(
        (status, body.as_str()),
        (200, r#"GET /healthz 2 Some("api.example") 0"#)
    );
}

#[tokio::test]
async fn bodies_and_cookies_arrive_and_an_undecodable_one_is_not_the_senders_fault() {
    let mut event = event("POST /hook", "POST", "/hook");
    event["body"] = json!("AAEC/w==");
    event["cookies"] = json!(["a=1", "b=2"]);
    event["isBase64Encoded"] = json!(true);
    let whole = ask(event.clone()).await;
    event["body"] = json!("AAEC/w=");
    let torn = ask(event).await;

    assert_eq!(whole.1, r#"POST /hook 2 Some("api.example") 4"#);
    assert_eq!(torn.0, 500);
}

#[tokio::test]
async fn events_of_other_services_are_refused() {
    for event in [
        json!({}),
        json!({ "Records": [] }),
        json!({ "headers": null, "cookies": null, "body": null, "requestContext": {} }),
    ] {
        assert_eq!(ask(event).await.0, 404);
    }
}

#[tokio::test]
async fn answers_are_text_where_they_can_be() {
    let router = Router::new().route(
        "/hook",
        any(|request: Request| async move { request.into_body() }),
    );
    let ask = async |body: &str| {
        let mut event = event("POST /hook", "POST", "/hook");
        event["body"] = json!(body);
        event["isBase64Encoded"] = json!(true);
        let event = serde_json::from_value(event).unwrap();
        serde_json::to_value(respond(router.clone(), &ROUTES, event).await).unwrap()
    };

    let text = ask("Y2Fmw6k=").await;
    let bytes = ask("AAEC/w==").await;

    assert_eq!(
        (&text["body"], &text["isBase64Encoded"]),
        (&json!("caf\u{e9}"), &json!(false))
    );
    assert_eq!(
        (&bytes["body"], &bytes["isBase64Encoded"]),
        (&json!("AAEC/w=="), &json!(true))
    );
}

/// Headers in which frameworks, proxies and libraries look for another address.
const HEADERS: [&str; 14] = [
    "host",
    "forwarded",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-uri",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-http-method-override",
    "x-host",
    "via",
    "x-anything",
];

proptest! {
    /// The one rule: the router only receives paths that the route covers, and nothing ends in a panic or a 5xx.
    #[test]
    fn no_header_path_or_query_reaches_what_the_route_does_not_cover(
        route_key in prop::sample::select(ROUTES.to_vec()),
        method in prop_oneof![Just("GET".to_owned()), Just("POST".to_owned()), ".{0,6}"],
        raw_path in prop_oneof![
            prop::sample::select(vec!["/healthz", "/api/x", "/hook", "//healthz/", "/healthz/..//api/x"]).prop_map(str::to_owned),
            "(/|\\.|%2e|%2F|%5c|\\\\|;|[a-z?#% ]|healthz|api|hook){0,12}",
            ".{0,12}",
        ],
        raw_query in ".{0,12}",
        name in prop::sample::select(HEADERS.to_vec()),
        value in prop_oneof![
            Just("https://x/api/x?z=".to_owned()), Just("x/api/x?z=".to_owned()), Just("https,http".to_owned()), ".{0,12}",
        ],
    ) {
        let mut event = event(route_key, &method, &raw_path);
        event["rawQueryString"] = json!(raw_query);
        event["headers"] = json!({ name: value });

        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (status, body) = runtime.block_on(ask(event));

        prop_assert!(matches!(status, 200 | 400 | 404), "{status}");
        if status == 200 {
            let seen: Vec<_> = body.split(' ').collect();
            let path = seen[1].split('?').next().unwrap();
            prop_assert!(covers(route_key, seen[0], path), "{route_key}: {body}");
            prop_assert!(seen[1].starts_with('/') && !path.contains("//"));
        }
    }
}
