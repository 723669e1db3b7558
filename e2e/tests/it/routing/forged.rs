//! Without a key nothing can be read, whatever a request claims: not through the gateway, and not by a function that
//! is invoked with an event whose route disagrees with its other members.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::wire::send;
use crate::function::Function;
use crate::stack::{Stack, fresh_id};

/// 2026-04-07T12:00:00Z.
const TIME: u32 = 1_775_563_200;
const SEARCH: &str = "/api/v1/events/message?from=2010-01-01T00:00&per_page=10000";

/// Stores an event and returns the parts that must not be readable.
async fn store_victim(stack: &Stack) -> Result<String> {
    let id = fresh_id("unseen");
    let event = format!(
        r#"[{{"msys":{{"message_event":{{"type":"bounce","event_id":"{id}","timestamp":"{TIME}","rcpt_to":"{id}@victim.example"}}}}}}]"#
    );
    stack.deliver(&id, event.into_bytes()).await?;
    Ok(id)
}

/// Headers in which a request may claim another address.
fn headers() -> Vec<(String, String)> {
    let claims = [
        format!("https://x{SEARCH}&z="),
        format!("x{SEARCH}&z="),
        SEARCH.to_owned(),
        "https,http".to_owned(),
        "1bad".to_owned(),
        "..".to_owned(),
        "%%".to_owned(),
    ];
    let names = [
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-Prefix",
        "X-Forwarded-Uri",
        "X-Original-URL",
        "X-Rewrite-URL",
        "Forwarded",
    ];
    let all = names.iter().flat_map(|name| {
        claims
            .iter()
            .map(|claim| ((*name).to_owned(), claim.clone()))
    });
    all.collect()
}

/// Paths that might be confused with a search, or a search with an open route.
const LINES: [&str; 14] = [
    "GET /healthz",
    "GET /openapi.json",
    "GET /healthz/../api/v1/events/message",
    "GET /healthz/%2e%2e/api/v1/events/message",
    "GET /healthz/..;/api/v1/events/message",
    "GET /healthz/.%252e/api/v1/events/message",
    "GET /healthz\\..\\api\\v1\\events\\message",
    "GET /healthz%2f..%2fapi/v1/events/message",
    "GET /../../../",
    "GET /%2e%2e/%2e%2e/%2e%2e/",
    "GET //api//v1/events/message/",
    "GET /api/v1/events/message",
    "POST /webhooks/sparkpost",
    "POST /track",
];

#[tokio::test]
async fn nothing_is_read_without_a_key_whatever_path_and_headers_say() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let victim = store_victim(&stack).await?;

    let mut asked = 0;
    for (n, (name, value)) in headers().into_iter().enumerate() {
        // Each header with a third of the paths, and each path with headers of each kind.
        for line in LINES.iter().skip(n % 3).step_by(3) {
            asked += 1;
            let header = format!("{name}: {value}\r\n");
            let answer = send(&stack, line, &header, "").await?;
            ensure!(
                (200..500).contains(&answer.status),
                "{line} with {name}: {value}: {}",
                answer.text
            );
            let is_open = ["GET /healthz", "GET /openapi.json"].contains(line);
            ensure!(
                is_open == (answer.status == 200),
                "{line} with {name}: {value}: {}",
                answer.text
            );
            for unseen in [
                victim.as_str(),
                "ListAllMyBuckets",
                "signing_key",
                // Like a search's response, and not as /openapi.json describes it.
                "{\"results\":[",
            ] {
                ensure!(!answer.text.contains(unseen), "{line} with {name}: {value}");
            }
        }
    }
    ensure!(asked >= 200, "{asked} requests are not enough");
    Ok(())
}

/// The secret of keys is in the emulator behind the proxy.
#[tokio::test]
async fn no_path_leads_to_what_is_behind_the_gateways() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let scope = |service: &str| {
        format!(
            "Authorization: AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n"
        )
    };
    let secret = format!(
        "X-Amz-Target: secretsmanager.GetSecretValue\r\nContent-Type: application/x-amz-json-1.1\r\n{}",
        scope("secretsmanager")
    );
    let body = r#"{"SecretId":"anything"}"#;

    for up in [
        "/..",
        "/%2e%2e",
        "/.%2e",
        "/..;",
        "/..%2f..",
        "\\..",
        "/%252e%252e",
    ] {
        let line = format!("POST {}/", up.repeat(3));
        let answer = send(&stack, &line, &secret, body).await?;
        ensure!(
            [400, 404].contains(&answer.status),
            "{line}: {}",
            answer.text
        );
    }
    for line in [
        "POST /",
        "GET /_ministack/health",
        "GET /v2/apis",
        "GET /2015-03-31/functions",
        "GET /restapis",
        "GET /$default/healthz",
        "GET /_aws/lambda-url/x/track",
        "POST /@connections/x",
    ] {
        let answer = send(&stack, line, &scope("apigateway"), "").await?;
        ensure!(answer.status == 404, "{line}: {}", answer.text);
    }
    Ok(())
}

fn event(route_key: &str, method: &str, raw_path: &str, header: (&str, &str)) -> Value {
    json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": raw_path,
        "rawQueryString": "per_page=10&from=2010-01-01T00:00",
        "headers": { header.0: header.1, "x-api-key": "" },
        "requestContext": {
            "routeKey": route_key, "apiId": "a", "domainName": "x", "stage": "$default", "timeEpoch": 0,
            "http": { "method": method, "path": raw_path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" },
        },
        "body": "[{}]",
        "isBase64Encoded": false,
    })
}

/// The deployed binaries, with events whose parts disagree.
#[tokio::test]
async fn functions_answer_no_other_path_than_the_gateway_admitted() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let victim = store_victim(&stack).await?;
    let functions = [
        (
            "query",
            &[
                "GET /healthz",
                "HEAD /healthz",
                "GET /healthz/{proxy+}",
                "GET /openapi.json",
                "GET /other",
                "$default",
                "",
            ][..],
        ),
        (
            "ingest",
            &[
                "POST /webhooks/sparkpost",
                "POST /webhooks/{proxy+}",
                "GET /healthz",
                "$default",
            ],
        ),
        (
            "repair",
            &["POST /api/v1/rejected/{proxy+}", "GET /healthz", "$default"],
        ),
        (
            "track",
            &[
                "POST /track",
                "POST /track/{proxy+}",
                "$default",
                "GET /healthz",
            ],
        ),
        (
            "authorizer",
            &[
                "POST /oauth/token",
                "POST /oauth/{proxy+}",
                "GET /healthz",
                "$default",
            ],
        ),
    ];
    let paths = [
        "/api/v1/events/message",
        "//api/v1/events/message/",
        "/healthz/../api/v1/events/message",
        "/healthz?/api/v1/events/message",
        "/api/v1/events/message\u{0}",
        "/webhooks/sparkpost",
        "/track",
        "/oauth/token",
        "",
    ];
    let claim = format!("https://x{SEARCH}&z=");
    let headers = [
        ("x-forwarded-proto", claim.as_str()),
        ("host", claim.as_str()),
        ("x-forwarded-proto", "https,http"),
        ("x-control", "a\u{7f}b"),
        ("no name", "1"),
    ];

    let mut asked = 0;
    for (name, route_keys) in functions {
        let function = Function::named(&stack, name)?;
        for route_key in route_keys {
            for (n, raw_path) in paths.iter().enumerate() {
                asked += 1;
                let method = route_key
                    .split(' ')
                    .next()
                    .filter(|method| !method.is_empty());
                let event = event(
                    route_key,
                    method
                        .filter(|method| *method != "$default")
                        .unwrap_or("POST"),
                    raw_path,
                    headers[(asked + n) % headers.len()],
                );
                let answer = function.invoke(&event).await?;
                let status = answer["statusCode"].as_u64().unwrap_or_default();
                ensure!(
                    (400..500).contains(&status),
                    "{name}: {route_key} {raw_path:?}: {answer}"
                );
                ensure!(!answer.to_string().contains(&victim), "{name}: {route_key}");
            }
        }
    }
    ensure!(asked >= 150, "{asked} events are not enough");
    Ok(())
}
