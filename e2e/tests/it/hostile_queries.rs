//! Queries that are absurd, oversized or malicious, sent through the whole deployment: each is refused with a text that
//! names the parameter, or has a correct response, and none of them is a 5xx.

mod cases;

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use self::cases::{FINDS_NOTHING, IGNORED, REFUSED, REFUSED_GROUPS};
use crate::stack::{Stack, fresh_id};

const PATHS: [&str; 2] = ["/api/v1/events/message", "/api/v1/message-events"];
const COUNTS: &str = "/api/v1/events/counts";

/// All paths with the parameters of a search, up to the parameters.
const SEARCHES: [&str; 3] = [
    "/api/v1/events/message?",
    "/api/v1/message-events?",
    "/api/v1/events/counts?group_by=day,type&",
];

/// Around [`VICTIM_TIME`].
const RANGE: &str = "from=2026-04-05T00:00:00Z&to=2026-04-06T00:00:00Z";
/// 2026-04-05T12:00:00Z.
const VICTIM_TIME: u32 = 1_775_390_400;

/// Stores an event under a new address and returns that address.
async fn store_victim(stack: &Stack) -> Result<String> {
    let id = fresh_id("victim");
    let event = format!(
        r#"[{{"msys":{{"message_event":{{"type":"bounce","event_id":"{id}","timestamp":"{VICTIM_TIME}","rcpt_to":"{id}@victim.example","campaign_id":"victim","subject":"x z","reason":"550 no such user"}}}}}}]"#
    );
    stack.deliver(&id, event.into_bytes()).await?;
    Ok(format!("{id}@victim.example"))
}

/// The service responds and the victim is found, alone and unchanged.
async fn ensure_unharmed(stack: &Stack, victim: &str) -> Result<()> {
    let (status, answer) = stack.get("/healthz").await?;
    ensure!(status == 200, "healthz: {answer}");
    ensure_found(
        stack,
        &format!("{}?{RANGE}&recipients={victim}", PATHS[0]),
        victim,
    )
    .await
}

async fn ensure_found(stack: &Stack, search: &str, victim: &str) -> Result<()> {
    let (status, answer) = stack.get(search).await?;
    ensure!(status == 200, "{search}: {answer}");
    ensure!(answer["total_count"] == 1, "{search}: {answer}");
    ensure!(
        answer["results"][0]["rcpt_to"] == victim,
        "{search}: {answer}"
    );
    Ok(())
}

#[tokio::test]
async fn hostile_parameters_are_refused_by_name() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let victim = store_victim(&stack).await?;

    for (query, param) in REFUSED {
        for search in SEARCHES {
            ensure_refused(&stack, &format!("{search}{query}"), param).await?;
        }
    }
    for query in REFUSED_GROUPS {
        ensure_refused(&stack, &format!("{COUNTS}?{query}"), "group_by").await?;
    }
    ensure_unharmed(&stack, &victim).await
}

async fn ensure_refused(stack: &Stack, uri: &str, param: &str) -> Result<()> {
    let (status, answer) = stack.get(uri).await?;
    let error = &answer["errors"][0];
    let description = error["description"].as_str().unwrap_or_default();
    ensure!(status == 400, "{uri}: {status} {answer}");
    ensure!(error["param"] == param, "{uri}: {answer}");
    ensure!(
        description.starts_with(param) && description.len() > param.len() + 10,
        "{uri}: {answer}"
    );
    Ok(())
}

#[tokio::test]
async fn hostile_values_find_nothing() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let victim = store_victim(&stack).await?;

    for query in FINDS_NOTHING {
        for search in SEARCHES {
            let (status, answer) = stack.get(&format!("{search}{RANGE}&{query}")).await?;

            ensure!(status == 200, "{search}{query}: {status} {answer}");
            let found = answer["results"].as_array().context("results")?;
            ensure!(found.is_empty(), "{search}{query}: {answer}");
        }
    }
    ensure_unharmed(&stack, &victim).await
}

#[tokio::test]
async fn what_says_nothing_is_ignored() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let victim = store_victim(&stack).await?;

    for query in IGNORED {
        for path in PATHS {
            let search = format!("{path}?{query}&{RANGE}&recipients={victim}");
            ensure_found(&stack, &search, &victim).await?;
        }
        let counts = format!("{COUNTS}?{query}&{RANGE}&recipients={victim}&group_by=type");
        let (status, answer) = stack.get(&counts).await?;
        let bounces = json!([{ "type": "bounce", "count": 1 }]);
        ensure!(status == 200, "{counts}: {status} {answer}");
        ensure!(answer["results"] == bounces, "{counts}: {answer}");
    }
    ensure_unharmed(&stack, &victim).await
}

#[tokio::test]
async fn oversized_queries_are_refused_or_answered() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let victim = store_victim(&stack).await?;
    let longest = |unit: &str| unit.repeat(3_900 / unit.len());
    // Links encode commas, so a request is measured with encoded ones.
    let listed = |unit: &str| unit.repeat(2_000 / unit.len());

    for (query, expected) in [
        (format!("recipients={}", listed("a,")), 200),
        (format!("recipients={}", longest("a,")), 414),
        (format!("recipients={}", longest("%00")), 400),
        (format!("subjects={}", longest("a-")), 200),
        (format!("campaigns={}", listed("a,")), 200),
        (format!("recipient_domains={}", longest("a.")), 200),
        (format!("reason={}", longest("%25_")), 200),
        (format!("bounce_classes={}", listed("10,")), 200),
        (format!("subaccounts={}", "9".repeat(3_900)), 400),
        (format!("per_page={}", "1".repeat(3_900)), 400),
        (format!("cursor={}", "A".repeat(3_900)), 400),
        (longest("events=bounce&"), 200),
        (longest("metadata.a=b&"), 400),
        (longest("from=x&"), 400),
        (longest("x=&"), 200),
        ("a".repeat(5_000), 414),
        (longest("events=bounce&").repeat(2), 414),
        (longest("%ff").repeat(2), 414),
    ] {
        for search in SEARCHES {
            let (status, answer) = stack.get(&format!("{search}{RANGE}&{query}")).await?;

            let query = query.get(..40).unwrap_or(&query);
            ensure!(status == expected, "{search}{query}…: {status} {answer}");
            let message = answer["errors"][0]["message"].as_str();
            ensure!((status == 200) == message.is_none(), "{query}…: {answer}");
        }
    }
    ensure_unharmed(&stack, &victim).await
}

/// Requests that no client library sends, over a plain connection: a client error, or a response.
#[tokio::test]
async fn malformed_requests_are_the_clients_fault() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let victim = store_victim(&stack).await?;
    let path = PATHS[0];

    for target in [
        format!("{path}?subjects=two words"),
        format!("{path}?recipients=\u{fc}@example.com"),
        format!("{path}?recipients=a\u{1}b"),
        format!("{path}?recipients=<\"'`{{|}}\\^>"),
        format!("{path}?recipients=%"),
        format!("{path}?recipients=%2"),
        format!("{path}?#fragment"),
        format!("{path}???"),
        format!("{path}?{}", "a".repeat(70_000)),
        format!("{path}/../../../../etc/passwd"),
        format!("{path}/..%2f..%2f..%2fhealthz"),
        format!("{path}/%00"),
        format!("{path}/%ff"),
        format!("/{path}"),
        "http://example.com/".to_owned(),
        "*".to_owned(),
        String::new(),
    ] {
        let status = bare_status(&stack, &target).await?;
        let target: String = target.chars().take(60).collect();
        // The path of an absolute URL alone counts, and `/` leads to the console, without naming a host.
        let is_root = target == "http://example.com/" && status == 303;
        ensure!(
            status == 200 || is_root || (400..500).contains(&status),
            "{target:?}: {status}"
        );
    }
    ensure_unharmed(&stack, &victim).await
}

/// Sends a request line unchanged and returns the status of the response.
async fn bare_status(stack: &Stack, target: &str) -> Result<u16> {
    let authority = stack.file.base_url.trim_start_matches("http://");
    let mut connection = TcpStream::connect(authority).await?;
    let key = &stack.file.keys.query;
    let request = format!(
        "GET {target} HTTP/1.1\r\nhost: {authority}\r\nauthorization: {key}\r\nconnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).context("a status line")?;
    status
        .parse()
        .with_context(|| format!("{target}: {status}"))
}

#[tokio::test]
async fn odd_methods_headers_and_bodies_do_no_harm() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let victim = store_victim(&stack).await?;
    let url = format!(
        "{}{}?{RANGE}&recipients={victim}",
        stack.file.base_url, PATHS[0]
    );
    let request = |method: Method| {
        let request = stack.http.request(method, &url);
        request.header("authorization", &stack.file.keys.query)
    };

    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
        let status = request(Method::from_bytes(method.as_bytes())?)
            .body("drop table email_events")
            .send()
            .await?
            .status();
        let expected = match method {
            "OPTIONS" | "BREW" => status.is_client_error(),
            _ => status == 405,
        };
        ensure!(expected, "{method}: {status}");
    }
    for (name, value) in [
        ("accept", "text/html, image/gif, image/jpeg, */*; q=0.2"),
        ("accept", ";;q=,,/,*/"),
        ("accept-encoding", "identity;q=0, *;q=0"),
        (
            "content-type",
            "application/x-'; drop table email_events; --",
        ),
        ("range", "bytes=0-0"),
        ("if-none-match", "*"),
        ("expect", "the unexpected"),
        ("x-http-method-override", "DELETE"),
        ("x-forwarded-for", "' or '1'='1"),
        ("x-amzn-trace-id", "Root=%00"),
    ] {
        let answer = request(Method::GET).header(name, value).send().await?;
        ensure!(
            answer.status() == 200,
            "{name}: {value}: {}",
            answer.status()
        );
        let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
        ensure!(answer["total_count"] == 1, "{name}: {value}: {answer}");
    }
    let with_body = request(Method::GET).body("[]").send().await?.status();
    ensure!(with_body == 200, "GET with a body: {with_body}");
    ensure_unharmed(&stack, &victim).await
}
