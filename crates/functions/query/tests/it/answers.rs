//! What answers look like, and what requests may look like.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::json;
use sqlx::PgPool;
use time::Duration;

use crate::service::{NOW, Service, TestEvent};

fn event(id: u64, age: Duration) -> TestEvent {
    TestEvent::new(id, "delivery", (NOW - age).unix_timestamp())
}

#[sqlx::test(migrations = "../../../migrations")]
async fn event_comes_back_in_the_form_of_the_events_api(pool: PgPool) {
    let service = Service::over(&pool);
    service
        .load(&[event(5, Duration::hours(1)).with("customer_id", "1")])
        .await;

    let answer = service.search("").await;

    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(
        answer.json(),
        json!({
            "results": [{
                "type": "delivery",
                "event_id": "5",
                "timestamp": "2026-11-21T11:00:00.000Z",
                "rcpt_to": "user-5@example.com",
                "recipient_domain": "example.com",
                "customer_id": 1,
            }],
            "total_count": 1,
            "links": {},
        })
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn defaults_are_the_last_day_but_for_the_last_minute(pool: PgPool) {
    let service = Service::over(&pool);
    let ages = [59, 60, 61, 86_399, 86_400, 86_401].map(Duration::seconds);
    let events: Vec<_> = (0..).zip(ages).map(|(id, age)| event(id, age)).collect();
    service.load(&events).await;

    // `to` is exclusive and `from` inclusive.
    assert_eq!(service.search("").await.event_ids(), [2, 3, 4]);
    assert_eq!(
        service.search("to=2026-11-21T12:00").await.event_ids(),
        [0, 1, 2, 3, 4]
    );
    assert_eq!(
        service.search("from=2026-11-20").await.event_ids(),
        [2, 3, 4, 5]
    );
    assert_eq!(
        service
            .search("from=2026-11-21T11:59:30Z")
            .await
            .event_ids(),
        Vec::<u64>::new()
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn filters_narrow_and_their_values_are_alternatives(pool: PgPool) {
    let service = Service::over(&pool);
    let at = (NOW - Duration::hours(1)).unix_timestamp();
    let types = ["delivery", "bounce", "open"];
    let events: Vec<_> = (0..6_u32)
        .zip(types.into_iter().cycle())
        .map(|(n, event_type)| TestEvent::new(n.into(), event_type, at - i64::from(n)))
        .collect();
    service.load(&events).await;

    let cases: [(&str, &[u64]); 8] = [
        ("events=bounce", &[1, 4]),
        ("events=bounce,open", &[1, 2, 4, 5]),
        ("events=bounce&events=open", &[1, 2, 4, 5]),
        ("events=bounce;open&delimiter=;", &[1, 2, 4, 5]),
        ("recipients=USER-1%40example.com", &[1]),
        (
            "recipients=user-1@example.com,user-2@example.com&events=open,delivery",
            &[2],
        ),
        ("recipients=nobody@example.com", &[]),
        ("events=&recipients=&Events=&unknown", &[0, 1, 2, 3, 4, 5]),
    ];
    for (query, expected) in cases {
        assert_eq!(service.search(query).await.event_ids(), expected, "{query}");
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn requests_of_odd_clients_are_answered(pool: PgPool) {
    let service = Service::over(&pool);
    service.load(&[event(1, Duration::hours(1))]).await;

    let java = Request::get("/api/v1/events/message?per_page=1")
        .header(
            header::ACCEPT,
            "text/html, image/gif, image/jpeg, */*; q=0.2",
        )
        .body(Body::empty());
    let php = Request::get("/api/v1/events/message")
        .header(header::CONTENT_TYPE, "application/json")
        .body("[]".into());
    let slash = Request::get("/api/v1/events/message/?events=delivery").body(Body::empty());
    let absolute = Request::get("https://example.com/api/v1/events/message").body(Body::empty());

    for request in [java, php, slash, absolute] {
        assert_eq!(service.send(request.unwrap()).await.event_ids(), [1]);
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn head_is_answered_without_a_body(pool: PgPool) {
    let service = Service::over(&pool);

    let head = service
        .send(
            Request::head("/api/v1/events/message")
                .body(Body::empty())
                .unwrap(),
        )
        .await;

    assert_eq!((head.status, head.bytes.len()), (StatusCode::OK, 0));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn health_tells_the_latest_migration(pool: PgPool) {
    let health = Service::over(&pool).get("/healthz").await;

    assert_eq!(health.status, StatusCode::OK);
    assert_eq!(health.json()["status"], "ok");
    assert!(health.json()["migration_version"].as_i64().unwrap() >= 20_261_121_090_000);
}
