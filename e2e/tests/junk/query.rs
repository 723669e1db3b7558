//! The search, behind its gateway.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgPool};

use crate::{
    lambda::Lambda,
    lies::{HEADER_BYTES, HEADERS, MANY, URI_BYTES, event, texts},
};

/// The search's memory in the template.
const QUERY_MIB: u64 = 256;
const CLOSED: &str = "ANY /api/{proxy+}";
const SEARCH: &str = "/api/v1/events/message";
/// Routes that the template opens to callers without a key.
const OPEN: [(&str, &str); 4] = [
    ("GET /healthz", "/healthz"),
    ("GET /healthz/{proxy+}", "/healthz/"),
    ("GET /openapi.json", "/openapi.json"),
    ("GET /openapi.json/{proxy+}", "/openapi.json/"),
];
/// A text that only a caller with a key may read.
const PLANTED: &str = "planted@example.com";

async fn start(pool: &PgPool) -> Result<Lambda> {
    sqlx::raw_sql(
        "select ensure_partition_at(now() - interval '1 hour');
         insert into email_events (ts, event_key, type, rcpt_to, event)
         select now() - interval '1 hour', gen_random_uuid(), 'bounce', 'planted@example.com',
            '{\"type\":\"bounce\",\"event_id\":\"1\",\"rcpt_to\":\"planted@example.com\"}'",
    )
    .execute(pool)
    .await?;
    let environment = [
        (
            "DATABASE_URL",
            pool.connect_options().to_url_lossy().to_string(),
        ),
        ("DATABASE_LOGIN", "password".to_owned()),
        ("METADATA_KEYS", "user_id".to_owned()),
    ];
    Lambda::start("query", QUERY_MIB, &environment).await
}

/// The status of an event's response, which must not be 5xx, and its body.
async fn ask(query: &mut Lambda, event: &Value, what: &str) -> Result<(u64, String)> {
    let answer = query.invoke(event).await.with_context(|| what.to_owned())?;
    let status = answer["statusCode"].as_u64().context("a status")?;
    let body = answer["body"].as_str().unwrap_or_default().to_owned();
    ensure!(status < 500, "{what}: {status} {body}");
    Ok((status, body))
}

/// It still responds, and finds the event.
async fn ensure_alive(query: &mut Lambda) -> Result<()> {
    let good = event(CLOSED, "GET", SEARCH, "recipients=planted@example.com");
    let (status, body) = ask(query, &good, "a good search").await?;
    ensure!(status == 200 && body.contains(PLANTED), "{status} {body}");
    println!("query: peak {} MiB", query.peak_mib()?);
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn query_lives_through_every_header(pool: PgPool) -> Result<()> {
    let mut query = start(&pool).await?;
    for header in HEADERS {
        for (name, text) in texts(HEADER_BYTES) {
            let mut lie = event(CLOSED, "GET", SEARCH, "per_page=1");
            lie["headers"][header] = json!(text);
            lie["cookies"] = json!([text]);
            ask(&mut query, &lie, &format!("{header}: {name}")).await?;
        }
    }
    let mut lie = event(CLOSED, "GET", SEARCH, "");
    for index in 0..MANY {
        lie["headers"][format!("x-{index}")] = json!("1");
    }
    lie["cookies"] = json!(vec!["a=1"; MANY]);
    ask(&mut query, &lie, "many headers").await?;
    for (name, text) in texts(4_000_000) {
        let mut lie = event(CLOSED, "GET", SEARCH, "per_page=1");
        lie["body"] = json!(text);
        ask(&mut query, &lie, &format!("a body of {name}")).await?;
    }
    ensure_alive(&mut query).await
}

#[sqlx::test(migrations = "../migrations")]
async fn query_lives_through_every_parameter(pool: PgPool) -> Result<()> {
    let mut query = start(&pool).await?;
    let document = event("GET /openapi.json", "GET", "/openapi.json", "");
    let (_, document) = ask(&mut query, &document, "the document").await?;
    let document: Value = serde_json::from_str(&document)?;
    let parameters = document["components"]["parameters"]
        .as_object()
        .context("parameters")?;
    let mut names: Vec<_> = parameters
        .values()
        .filter_map(|parameter| parameter["name"].as_str())
        .collect();
    ensure!(names.len() > 30, "{names:?}");
    names.extend([
        "metadata.user_id",
        "metadata.",
        "event_id",
        "no_such_name",
        "",
    ]);

    for path in [SEARCH, "/api/v1/message-events", "/api/v1/events/counts"] {
        for name in &names {
            for (made_of, text) in texts(URI_BYTES - 200) {
                let string = format!("{name}={text}&group_by=type");
                let lie = event(CLOSED, "GET", path, &string);
                ask(&mut query, &lie, &format!("{path} {name}: {made_of}")).await?;
            }
        }
    }
    for pair in [
        "a=1&",
        "recipients=a&",
        "&",
        "=&",
        "metadata.user_id=1&",
        "from=1&",
        "events=open&",
    ] {
        for times in [MANY, (URI_BYTES - 100) / pair.len(), 1_000_000 / pair.len()] {
            let lie = event(CLOSED, "GET", SEARCH, &pair.repeat(times));
            let (status, _) = ask(&mut query, &lie, &format!("{times} times {pair}")).await?;
            // Beyond 64 KiB, which no gateway passes on, the function's HTTP library refuses the address too.
            let uri_bytes = SEARCH.len() + 1 + pair.len() * times;
            let expected = if uri_bytes > 65_534 {
                400
            } else if uri_bytes > URI_BYTES {
                414
            } else {
                status
            };
            ensure!(status == expected, "{times} times {pair}: {status}");
        }
    }
    for (made_of, text) in texts(URI_BYTES - 200) {
        let lie = event(CLOSED, "GET", &format!("{SEARCH}/{text}"), "");
        ask(&mut query, &lie, &format!("an id of {made_of}")).await?;
    }
    ensure_alive(&mut query).await
}

/// Whatever a request claims, an open route reaches nothing that needs a key.
#[sqlx::test(migrations = "../migrations")]
async fn query_gives_nothing_away_on_open_routes(pool: PgPool) -> Result<()> {
    let mut query = start(&pool).await?;
    for (route, own_path) in OPEN {
        for prefix in [
            "",
            own_path,
            "/",
            "//",
            "/.",
            "/%2e",
            "/healthz/..",
            "/openapi.json/%2e%2e",
        ] {
            for wanted in [
                SEARCH,
                "/api/v1/events/message/1",
                "/api/v1/message-events",
                "/api/v1/events/counts",
            ] {
                let lie = event(route, "GET", &format!("{prefix}{wanted}"), "group_by=type");
                let (status, body) =
                    ask(&mut query, &lie, &format!("{route} {prefix}{wanted}")).await?;
                ensure!(
                    status != 200 || !body.contains("results"),
                    "{route} {prefix}{wanted}: {body}"
                );
            }
        }
        for header in HEADERS {
            let mut lie = event(route, "GET", own_path, "");
            lie["headers"][header] = json!(SEARCH);
            let (_, body) = ask(&mut query, &lie, &format!("{route} {header}")).await?;
            ensure!(!body.contains(PLANTED), "{route} {header}");
        }
    }
    ensure_alive(&mut query).await
}
