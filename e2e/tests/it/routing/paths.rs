//! Additional slashes, probes and preflights.

use anyhow::{Result, ensure};

use super::wire::send;
use crate::stack::{Stack, fresh_id};

fn basic(key: &str) -> String {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("any:{key}"));
    format!("Authorization: Basic {pair}\r\nContent-Type: application/json\r\n")
}

/// A base address with a trailing slash, a target with one, a query added by the user.
#[tokio::test]
async fn slashes_lead_where_they_mean_on_every_route() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let keys = &stack.file.keys;
    let ping = r#"[{"msys":{}}]"#;
    let event = format!(r#"{{"event":"slash","eventId":"{}"}}"#, fresh_id("slash"));
    let grant = format!(
        r#"{{"grant_type":"client_credentials","client_secret":"{}"}}"#,
        keys.sparkpost
    );
    let routes = [
        (
            "POST",
            "webhooks/sparkpost",
            basic(&keys.sparkpost),
            ping,
            200,
        ),
        (
            "POST",
            "webhooks/mparticle",
            basic(&keys.mparticle),
            "{}",
            200,
        ),
        ("POST", "track", basic(&keys.track), event.as_str(), 204),
        ("POST", "oauth/token", String::new(), grant.as_str(), 200),
        ("GET", "api/v1/events/message", basic(&keys.query), "", 200),
        ("GET", "api/v1/message-events", basic(&keys.query), "", 200),
        (
            "GET",
            "api/v1/events/counts?group_by=type",
            basic(&keys.query),
            "",
            200,
        ),
        ("GET", "healthz", String::new(), "", 200),
        ("HEAD", "healthz", String::new(), "", 200),
        ("GET", "openapi.json", String::new(), "", 200),
    ];

    for (method, target, headers, body, expected) in routes {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let doubled = path.replace('/', "//");
        for spelling in [
            format!("/{path}?{query}"),
            format!("/{path}/?{query}"),
            format!("/{path}//?{query}"),
            format!("//{path}?{query}"),
            format!("///{doubled}?{query}"),
            format!("/{doubled}/?{query}&&b"),
        ] {
            let answer = send(&stack, &format!("{method} {spelling}"), &headers, body).await?;
            ensure!(
                answer.status == expected,
                "{method} {spelling}: {}",
                answer.text
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn other_paths_are_404_with_a_body_that_says_so() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let headers = basic(&stack.file.keys.query);

    for line in [
        "GET /favicon.ico",
        "POST /v1/other",
        "POST /batch/more",
        "POST /i/v1/e",
        "GET /api/v1//api/v1/events/message",
        "GET /api/v1/Events/Message",
        "GET /v1/events/message",
        "POST /webhooks/other",
        "POST /webhooks/sparkpost/more",
        "POST /oauth/other",
        "POST /track/more/more",
        "GET /healthz/more",
    ] {
        let answer = send(&stack, line, &headers, "").await?;
        ensure!(answer.status == 404, "{line}: {}", answer.text);
        ensure!(
            answer.text.to_lowercase().contains("not") && answer.text.contains('{'),
            "{line}: {}",
            answer.text
        );
    }
    Ok(())
}

/// An invalid event id is not found, and never the list of all events.
#[tokio::test]
async fn ids_that_are_none_are_404() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let headers = basic(&stack.file.keys.query);

    for id in [
        "%20",
        "%00",
        "%09",
        "%0a",
        "%2C",
        ",",
        "%23",
        "%3Fevents=bounce",
        "%253Fevents=bounce",
        "%2520",
        "nonexistent-xyz",
    ] {
        let line = format!("GET /api/v1/events/message/{id}");
        let answer = send(&stack, &line, &headers, "").await?;
        ensure!(answer.status == 404, "{line}: {}", answer.text);
    }
    Ok(())
}

/// A browser opens the webhook, a monitor sends HEAD, a page sends a preflight.
#[tokio::test]
async fn probes_and_preflights_are_answered_and_store_nothing() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let preflight = "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-api-key\r\n";
    let allowed = "access-control-allow-origin: *";
    let table = [
        ("GET /webhooks/sparkpost", "", 404, false),
        ("HEAD /webhooks/sparkpost", "", 404, false),
        ("PUT /webhooks/sparkpost", "", 404, false),
        ("OPTIONS /webhooks/sparkpost", preflight, 204, true),
        ("HEAD /healthz", "", 200, false),
        ("OPTIONS /healthz", preflight, 204, true),
        ("OPTIONS /track", preflight, 204, true),
        ("OPTIONS /track/", preflight, 204, true),
        ("OPTIONS /track", "", 204, false),
        // Refused, also as a preflight: a browser reads that as a refusal.
        ("OPTIONS /api/v1/events/message", preflight, 401, false),
        ("HEAD /api/v1/events/message", "", 401, false),
    ];

    for (line, headers, status, is_allowed) in table {
        let answer = send(&stack, line, headers, "").await?;
        ensure!(answer.status == status, "{line}: {}", answer.text);
        ensure!(
            answer.text.to_lowercase().contains(allowed) == is_allowed,
            "{line}: {}",
            answer.text
        );
    }
    Ok(())
}
