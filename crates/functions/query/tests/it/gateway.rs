//! Requests in the form in which an HTTP API passes them to the function: each route reaches its own path, and the open
//! routes reach no other.

use function_kit::gateway::{self, normal_path};
use proptest::prelude::*;
use query::ROUTES;
use serde_json::{Value, json};
use sqlx::PgPool;
use time::Duration;

use crate::service::{NOW, Service, TestEvent};

/// The routes that the template opens to callers without a key.
const OPEN: [&str; 6] = [
    "GET /healthz",
    "HEAD /healthz",
    "GET /healthz/{proxy+}",
    "HEAD /healthz/{proxy+}",
    "GET /openapi.json",
    "GET /openapi.json/{proxy+}",
];
const CLOSED: &str = "ANY /api/{proxy+}";

fn event(route_key: &str, method: &str, raw_path: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": raw_path,
        "rawQueryString": "",
        "headers": { "host": "api.example" },
        "requestContext": {
            "routeKey": route_key,
            "domainName": "api.example",
            "http": { "method": method, "path": raw_path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" },
            "stage": "$default",
        },
        "isBase64Encoded": false,
    })
}

async fn invoke(service: &Service, event: Value) -> Value {
    let event = serde_json::from_value(event).unwrap();
    let answer = gateway::respond(service.router.clone(), &ROUTES, event).await;
    serde_json::to_value(answer).unwrap()
}

#[sqlx::test(migrations = "../../../migrations")]
async fn slashes_lead_where_they_mean(pool: PgPool) {
    let service = Service::over(&pool);
    let seconds = (NOW - Duration::hours(1)).unix_timestamp();
    service
        .load(&[TestEvent::new(1, "delivery", seconds)])
        .await;

    for (route_key, raw_path, status) in [
        (CLOSED, "/api/v1/events/message", 200),
        (CLOSED, "/api/v1/events/message/", 200),
        (CLOSED, "//api/v1/events/message", 200),
        (CLOSED, "/api/v1//events/message", 200),
        (CLOSED, "/api//v1/events/message//", 200),
        (CLOSED, "/api/v1/message-events/", 200),
        (CLOSED, "/api/v1/events/message//1", 200),
        (CLOSED, "/api/v1//api/v1/events/message", 404),
        (CLOSED, "/api/v1/Events/Message", 404),
        (CLOSED, "/api/v1/events/message/../message", 400),
        (CLOSED, "/healthz", 404),
        ("ANY /api/v1/{proxy+}", "/api/v1/events/message", 200),
        ("GET /healthz", "/healthz", 200),
        ("GET /healthz/{proxy+}", "/healthz/", 200),
        ("GET /healthz", "//healthz", 200),
        ("GET /healthz/{proxy+}", "/healthz/more", 404),
        ("GET /openapi.json", "/openapi.json/", 200),
        ("$default", "/api/v1/events/message", 404),
    ] {
        let answer = invoke(&service, event(route_key, "GET", raw_path)).await;
        assert_eq!(answer["statusCode"], status, "{route_key} {raw_path}");
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn ids_that_are_none_are_404_and_never_the_list(pool: PgPool) {
    let service = Service::over(&pool);
    let seconds = (NOW - Duration::hours(1)).unix_timestamp();
    service
        .load(&[TestEvent::new(1, "delivery", seconds)])
        .await;

    // Decoded, as an HTTP API passes them, and encoded, as a Function URL does.
    for id in [
        " ",
        "%20",
        "\0",
        "%00",
        "\t",
        "%09",
        "\n",
        "%0a",
        "?events=delivery",
        "%3Fevents=delivery",
        "#",
        "%23",
        ",",
        "%2C",
        "%2520",
        "nonexistent-xyz",
        "1%20",
    ] {
        let answer = invoke(
            &service,
            event(CLOSED, "GET", &format!("/api/v1/events/message/{id}")),
        )
        .await;
        assert_eq!(answer["statusCode"], 404, "{id:?}: {answer}");
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn probes_are_answered(pool: PgPool) {
    let service = Service::over(&pool);

    for (route_key, method, path, status) in [
        ("HEAD /healthz", "HEAD", "/healthz", 200),
        ("HEAD /healthz/{proxy+}", "HEAD", "/healthz/", 200),
        (CLOSED, "HEAD", "/api/v1/events/message", 200),
        (CLOSED, "OPTIONS", "/api/v1/events/message", 405),
        (CLOSED, "PUT", "/api/v1/events/message", 405),
    ] {
        let answer = invoke(&service, event(route_key, method, path)).await;
        assert_eq!(answer["statusCode"], status, "{method} {path}");
        assert_eq!(answer["body"] == "", method == "HEAD");
    }
}

/// The template's routes are those that the function accepts, plus the one with a former name.
#[test]
fn routes_are_those_of_the_template() {
    let template = include_str!("../../../../../template.yaml");
    let routes: Vec<_> = template
        .split("\n\n")
        .filter(|resource| resource.contains("Target: !Sub integrations/${QueryIntegration}"))
        .collect();
    let key = |route: &&'static str| route.split("RouteKey: ").nth(1)?.lines().next();
    let mut keys: Vec<_> = routes.iter().filter_map(key).collect();
    let mut open: Vec<_> = routes
        .iter()
        .filter(|route| route.contains("AuthorizationType: NONE"))
        .filter_map(key)
        .collect();
    keys.push("ANY /api/v1/{proxy+}");
    keys.sort_unstable();
    open.sort_unstable();

    let sorted = |keys: &[&'static str]| {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys
    };
    assert_eq!(keys, sorted(&ROUTES));
    assert_eq!(open, sorted(&OPEN));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever path, query and headers say, an open route reaches its own path and nothing that needs a key. (There is
    /// no database: a request that reaches it is a 503.)
    #[test]
    fn open_routes_reach_nothing_that_is_closed(
        route_key in prop::sample::select(OPEN.to_vec()),
        method in "GET|HEAD|POST|.{0,5}",
        raw_path in prop_oneof![
            prop::sample::select(vec![
                "/healthz", "/healthz/", "/openapi.json", "/api/v1/events/message", "//api/v1/events/counts",
                "/healthz/../api/v1/events/message", "/healthz/%2e%2e/api/v1/events/message", "/healthz/..;/api/v1/message-events",
                "/healthz?/api/v1/events/message", "/healthz#/api/v1/events/message", "/healthz\\..\\api/v1/events/message",
            ]).prop_map(str::to_owned),
            ".{0,16}",
        ],
        raw_query in "per_page=2&from=2010-01-01T00:00|.{0,12}",
        name in "host|forwarded|x-forwarded-(proto|host|uri|prefix)|x-(original|rewrite)-(url|uri)|[a-zA-Z-]{1,16}",
        value in "https://x/api/v1/events/message\\?per_page=2&z=|x/api/v1/events/message\\?z=|/api/v1/events/message|https,http|1bad|.{0,16}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut event = event(route_key, &method, &raw_path);
        event["rawQueryString"] = json!(raw_query);
        event["headers"] = json!({ name: value });

        let answer = runtime.block_on(async { invoke(&Service::with(|_| ()), event).await });

        let status = answer["statusCode"].as_u64().unwrap();
        let path = normal_path(&raw_path).unwrap_or_default();
        match status {
            200 => prop_assert_eq!(path, "/openapi.json"),
            503 => prop_assert_eq!(path, "/healthz"),
            400 | 404 | 405 => {}
            other => prop_assert!(false, "{other}"),
        }
    }
}
