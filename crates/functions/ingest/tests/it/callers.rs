//! Authentication of senders: the response to each caller, which depends on the gateway's route and path only.

use access_keys::{Networks, token};
use axum::http::StatusCode;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use function_kit::http::CHALLENGE;
use proptest::prelude::*;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::{
    gateway::envelope,
    keys::{KEY, QUERY_KEY},
    rig::{Rig, clock},
};

const PING: &str = r#"[{"msys":{}}]"#;

async fn status_with(rig: &Rig, authorization: Option<&str>) -> StatusCode {
    let headers: Vec<_> = authorization
        .iter()
        .map(|value| ("Authorization", *value))
        .collect();
    let answer = rig
        .send_as_given("/webhooks/sparkpost", &headers, PING)
        .await;
    let is_challenged = answer
        .headers
        .get("www-authenticate")
        .is_some_and(|challenge| challenge == CHALLENGE);
    assert_eq!(
        is_challenged,
        answer.status == StatusCode::UNAUTHORIZED,
        "{authorization:?}"
    );
    answer.status
}

fn basic(pair: &[u8]) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

/// docs/operations.md explains how SparkPost interprets these codes.
#[tokio::test]
async fn bad_keys_are_401_foreign_ones_403_and_every_form_of_the_right_one_is_taken() {
    let rig = Rig::open().await;
    let now = clock().into();
    let bearer = |key: &str, now| {
        let token = token::issue(&SecretString::from(key), now);
        format!("Bearer {}", token.expose_secret())
    };
    let opens = [
        KEY.to_owned(),
        format!("Bearer {KEY}"),
        format!("bearer   {KEY}"),
        basic(b"any:the key"),
        basic(b"any:the key").replace("Basic", "basic"),
        basic(b"any:the key").replace("Basic ", "BASIC  "),
        basic(b"the key:"),
        basic(b"the key"),
        bearer(KEY, now),
    ];
    let foreign = [
        QUERY_KEY.to_owned(),
        basic(format!("any:{QUERY_KEY}").as_bytes()),
        bearer(QUERY_KEY, now),
    ];
    let unknown = [
        String::new(),
        "wrong".to_owned(),
        "Bearer wrong".to_owned(),
        "Bearer".to_owned(),
        "Basic".to_owned(),
        "Basic ***".to_owned(),
        basic(b"\xff\xfe:\xff"),
        basic(b":"),
        basic(b"a:b:the key"),
        format!("Token {KEY}"),
        "Digest username=\"a\"".to_owned(),
        format!("Bearer Bearer {KEY}"),
        bearer(KEY, now - 2 * token::ANNOUNCED),
        bearer("another key", now),
        "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x".to_owned(),
    ];

    for authorization in &opens {
        assert_eq!(
            status_with(&rig, Some(authorization)).await,
            StatusCode::OK,
            "{authorization}"
        );
    }
    for authorization in &foreign {
        assert_eq!(
            status_with(&rig, Some(authorization)).await,
            StatusCode::FORBIDDEN,
            "{authorization}"
        );
    }
    for authorization in unknown
        .iter()
        .map(|value| Some(value.as_str()))
        .chain([None])
    {
        assert_eq!(
            status_with(&rig, authorization).await,
            StatusCode::UNAUTHORIZED,
            "{authorization:?}"
        );
    }
    assert_eq!(rig.keys().await.len(), 1, "what was refused is not stored");
}

#[tokio::test]
async fn keys_that_cannot_be_read_put_every_caller_off() {
    let rig = Rig::without_keys().await;

    for authorization in [KEY, "wrong"] {
        assert_eq!(
            status_with(&rig, Some(authorization)).await,
            StatusCode::SERVICE_UNAVAILABLE
        );
    }
}

#[tokio::test]
async fn networks_are_asked_before_the_key_and_by_the_gateways_word_alone() {
    let networks: Networks = "203.0.113.0/24".parse().unwrap();
    let rig = Rig::open_to(networks).await;
    let from = |address: &str, key: &str| {
        let mut event = envelope(PING, false);
        event["requestContext"]["http"]["sourceIp"] = json!(address);
        event["headers"] = json!({ "authorization": key, "x-forwarded-for": "203.0.113.9" });
        event
    };

    for (address, key, expected) in [
        ("203.0.113.9", KEY, 200),
        ("203.0.113.9", "wrong", 401),
        ("198.51.100.7", KEY, 403),
        ("198.51.100.7", "wrong", 403),
        ("", KEY, 403),
    ] {
        assert_eq!(
            rig.invoke(from(address, key)).await["statusCode"],
            expected,
            "{address} {key}"
        );
    }
}

#[tokio::test]
async fn every_spelling_of_the_path_with_slashes_leads_to_the_webhook_and_no_other_does() {
    let rig = Rig::open().await;

    for (route_key, raw_path, raw_query, expected) in [
        ("POST /webhooks/sparkpost", "/webhooks/sparkpost", "", 200),
        ("POST /webhooks/sparkpost", "/webhooks/sparkpost/", "", 200),
        ("POST /webhooks/sparkpost", "//webhooks/sparkpost", "", 200),
        ("POST /webhooks/{proxy+}", "/webhooks/sparkpost//", "", 200),
        ("POST /webhooks/{proxy+}", "/webhooks//sparkpost", "", 200),
        (
            "POST /webhooks/sparkpost",
            "/webhooks/sparkpost",
            "source=eu west",
            200,
        ),
        (
            "POST /webhooks/sparkpost",
            "/webhooks/sparkpost",
            "a=%zz&b",
            200,
        ),
        ("POST /webhooks/{proxy+}", "/webhooks/mparticle", "", 404),
        (
            "POST /webhooks/{proxy+}",
            "/webhooks/sparkpost/more",
            "",
            404,
        ),
        (
            "POST /webhooks/{proxy+}",
            "/webhooks/%2e/sparkpost",
            "",
            400,
        ),
        ("POST /webhooks/sparkpost", "/webhooks/other", "", 404),
        ("ANY /api/{proxy+}", "/webhooks/sparkpost", "", 404),
        ("$default", "/webhooks/sparkpost", "", 404),
    ] {
        let mut event = envelope(PING, false);
        event["routeKey"] = json!(route_key);
        event["requestContext"]["routeKey"] = json!(route_key);
        event["rawPath"] = json!(raw_path);
        event["rawQueryString"] = json!(raw_query);

        assert_eq!(
            rig.invoke(event).await["statusCode"],
            expected,
            "{route_key}: {raw_path}?{raw_query}"
        );
    }
}

/// The template's routes are those that this function accepts.
#[test]
fn routes_are_those_of_the_template() {
    let template = include_str!("../../../../../template.yaml");
    let mut keys: Vec<_> = template
        .split("\n\n")
        .filter(|resource| resource.contains("Target: !Sub integrations/${IngestIntegration}"))
        .filter_map(|route| route.split("RouteKey: ").nth(1)?.lines().next())
        .collect();
    keys.sort_unstable();

    assert_eq!(keys, ingest::ROUTES);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nothing is stored for a caller without a key, and no request is answered 5xx for its content. (The store does
    /// not exist: a request that reaches it is a 503.)
    #[test]
    fn without_a_key_nothing_is_reached(
        route_key in prop::sample::select(vec!["POST /webhooks/sparkpost", "POST /webhooks/{proxy+}", "GET /healthz", "$default"]),
        raw_path in prop_oneof![
            prop::sample::select(vec!["/webhooks/sparkpost", "//webhooks//sparkpost/", "/webhooks/../webhooks/sparkpost"]).prop_map(str::to_owned),
            ".{0,16}",
        ],
        name in "[a-zA-Z-]{1,16}|host|x-forwarded-proto|x-original-url|forwarded",
        value in "https://x/webhooks/sparkpost\\?z=|https,http|.{0,16}",
    ) {
        prop_assume!(!name.eq_ignore_ascii_case("authorization"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut event = envelope(PING, false);
        event["routeKey"] = json!(route_key);
        event["requestContext"]["routeKey"] = json!(route_key);
        event["rawPath"] = json!(raw_path);
        event["headers"] = json!({ name: value });

        let answer = runtime.block_on(async { Rig::without_keys().await.invoke(event).await });

        let status = answer["statusCode"].as_u64().unwrap();
        prop_assert!(matches!(status, 400 | 401 | 404), "{}", Value::from(status));
    }
}
