//! Requests that are refused, and hostile ones that change nothing.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::service::{NOW, Service, TestEvent};

#[sqlx::test(migrations = "../../../migrations")]
async fn bad_parameters_are_400s_that_name_them(pool: PgPool) {
    let service = Service::over(&pool);

    let cases = [
        ("recipient=a@example.com", "recipient"),
        ("Events=bounce", "Events"),
        ("group_by=type", "group_by"),
        ("per_page=0", "per_page"),
        ("per_page=10001", "per_page"),
        ("per_page=ten", "per_page"),
        ("per_page=-5", "per_page"),
        ("per_page=1&per_page=2", "per_page"),
        ("from=yesterday", "from"),
        ("from=1454442600", "from"),
        ("from=2026-02-30T00:00", "from"),
        ("from=2026-11-21T00:00&to=2026-11-20T00:00", "from"),
        ("to=2026-11-21T25:00", "to"),
        ("to=2026-11-21T00:00Z%00", "to"),
        ("timezone=Nowhere%2FCity&from=2026-11-20T00:00", "timezone"),
        ("events=bounce;open", "events"),
        ("events=bounce,,click,Open", "events"),
        ("events=%F0%28%8C%28", "events"),
        ("recipients=a%00b@example.com", "recipients"),
        ("recipients=%ff", "recipients"),
        ("cursor=x", "cursor"),
        (
            "cursor=MTU4MDQxMzM0ODAwMCw4MjE4OTQ4MDQ3MTc3OTczMA==",
            "cursor",
        ),
    ];
    for (query, param) in cases {
        let answer = service.search(query).await;
        let error = &answer.json()["errors"][0];
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
        assert_eq!(
            (&error["message"], &error["param"]),
            (&json!("invalid parameter"), &json!(param)),
            "{query}"
        );
        assert!(
            error["description"]
                .as_str()
                .unwrap()
                .starts_with(&format!("{param} ")),
            "{query}: {error}"
        );
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn no_path_passes_over_what_it_does_not_obey(pool: PgPool) {
    let service = Service::over(&pool);
    service
        .load(&[TestEvent::new(1, "open", NOW.unix_timestamp() - 3_600)])
        .await;

    let event = "/api/v1/events/message/1";
    let counts = "/api/v1/events/counts?group_by=type";
    for (uri, status, kind) in [
        (event.to_owned(), 200, "application/json"),
        (
            format!("{event}?format=csv&columns=type"),
            200,
            "text/csv; charset=utf-8",
        ),
        (
            format!("{event}?format=ndjson"),
            200,
            "application/x-ndjson",
        ),
        (format!("{event}?format=xml"), 400, "application/json"),
        (format!("{event}?from=2026-01-01"), 400, "application/json"),
        (format!("{event}?fields=type"), 400, "application/json"),
        (format!("{counts}&format=json"), 200, "application/json"),
        (
            format!("{counts}&format=csv"),
            200,
            "text/csv; charset=utf-8",
        ),
        (format!("{counts}&columns=type"), 400, "application/json"),
        (format!("{counts}&per_page=1"), 400, "application/json"),
        (format!("{counts}&recipient=x"), 400, "application/json"),
        (
            "/api/v1/events/message/samples?event=click".to_owned(),
            400,
            "application/json",
        ),
    ] {
        let answer = service.get(&uri).await;
        assert_eq!(
            (
                answer.status.as_u16(),
                answer.headers[header::CONTENT_TYPE].to_str().unwrap()
            ),
            (status, kind),
            "{uri}"
        );
    }
    let told = service.search("recipient=a@example.com").await.json();
    assert_eq!(
        told["errors"][0]["description"],
        "recipient is no parameter of a search; the closest is recipients, and /openapi.json has all"
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn cursor_of_another_search_is_a_400_that_names_it(pool: PgPool) {
    let service = Service::over(&pool);
    let events: Vec<_> = (0..3)
        .map(|id| TestEvent::new(id, "open", NOW.unix_timestamp() - 3_600))
        .collect();
    service.load(&events).await;
    let next = service
        .search("events=open&per_page=1")
        .await
        .next()
        .unwrap();
    assert_eq!(service.get(&next).await.status, StatusCode::OK);

    for changed in [
        next.replace("events=open", "events=click"),
        next.replace("events=open&", ""),
        format!("{next}&recipients=a@example.com"),
        format!("{next}&from=2026-11-20T13:00"),
        next.replace("cursor=A", "cursor=B"),
        next[..next.len() - 1].to_owned(),
    ] {
        let answer = service.get(&changed).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{changed}");
        assert_eq!(answer.json()["errors"][0]["param"], "cursor");
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn injection_attempts_find_nothing_and_change_nothing(pool: PgPool) {
    let service = Service::over(&pool);
    service
        .load(&[TestEvent::new(1, "open", NOW.unix_timestamp() - 3_600)])
        .await;

    let values = [
        "' or '1'='1",
        "'; drop table email_events; --",
        "\" or 1=1 --",
        "$1",
        "$1) or (1=1",
        "{user-1@example.com}",
        "%' or rcpt_to like '%",
        "\\'; select pg_sleep(30); --",
        "a@example.com') union select null, null, null --",
        "ARRAY['user-1@example.com']",
        "\u{2019} or \u{2019}1\u{2019}=\u{2019}1",
    ];
    for value in values {
        let encoded =
            percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);

        let as_recipient = service.search(&format!("recipients={encoded}")).await;
        assert_eq!(as_recipient.event_ids(), Vec::<u64>::new(), "{value}");
        for parameter in ["events", "from", "to", "per_page", "cursor", "timezone"] {
            let refused = service.search(&format!("{parameter}={encoded}")).await;
            assert_eq!(
                refused.status,
                StatusCode::BAD_REQUEST,
                "{parameter}={value}"
            );
            assert_eq!(refused.json()["errors"][0]["param"], parameter);
        }
        let as_name = service
            .search(&format!("{encoded}=1&delimiter={encoded}"))
            .await;
        assert_eq!(as_name.status, StatusCode::BAD_REQUEST, "{value}");
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn other_paths_and_methods_are_refused_in_the_same_shape(pool: PgPool) {
    let service = Service::over(&pool);

    for path in [
        "/",
        "/api/v1/events",
        "/api/v1/events/message/1/2",
        "/API/v1/events/message",
        "/healthz/x",
    ] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.json()["errors"][0]["message"].is_string());
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let request = Request::builder()
            .method(method)
            .uri("/api/v1/events/message")
            .body(Body::from("{}"));
        let answer = service.send(request.unwrap()).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(
            answer
                .headers
                .get_all(header::ALLOW)
                .iter()
                .collect::<Vec<_>>(),
            ["GET, HEAD"]
        );
        assert!(answer.json()["errors"][0]["message"].is_string());
    }
}

/// The limit is on what links repeat, so that a request that is answered has links that are answered.
#[sqlx::test(migrations = "../../../migrations")]
async fn parameters_are_as_long_as_links_write_them(pool: PgPool) {
    let service = Service::over(&pool);
    let uri = |count: usize, at: &str| {
        let addresses = vec![format!("someone{at}example.com"); count];
        format!(
            "/api/v1/events/message?per_page=1&recipients={}",
            addresses.join(",")
        )
    };

    for at in ["@", "%40"] {
        let accepted = service.get(&uri(150, at)).await;
        assert_eq!(accepted.status, StatusCode::OK, "{at}");
        let refused = service.get(&uri(170, at)).await;
        assert_eq!(refused.status, StatusCode::URI_TOO_LONG, "{at}");
    }
}

#[tokio::test]
async fn bodies_that_are_too_long_are_refused_in_the_form_of_all_errors() {
    let service = Service::with(|_| {});

    for path in ["/api/v1/audit", "/api/v1/sql"] {
        let body = Body::from(vec![b' '; 2 * 1024 * 1024 + 1]);
        let answer = service.send(Request::post(path).body(body).unwrap()).await;

        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert_eq!(answer.json()["errors"][0]["message"], "body too long");
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn longest_uri_is_4096_bytes(pool: PgPool) {
    let service = Service::over(&pool);
    let uri = |length: usize| {
        let begin = "/api/v1/events/message?recipients=";
        format!("{begin}{}", "a".repeat(length - begin.len()))
    };

    assert_eq!(service.get(&uri(4_096)).await.status, StatusCode::OK);
    let refused = service.get(&uri(4_097)).await;
    assert_eq!(refused.status, StatusCode::URI_TOO_LONG);
    assert_ne!(refused.json()["errors"][0]["message"], Value::Null);
}
