//! Searches for the events of one provider of emails.

use axum::http::StatusCode;
use serde_json::json;
use sqlx::PgPool;

use crate::service::{NOW, Service, TestEvent};

const MINUTES_AGO: i64 = 600;

#[sqlx::test(migrations = "../../../migrations")]
async fn events_without_a_provider_are_sparkposts(pool: PgPool) {
    let service = Service::over(&pool);
    let at = NOW.unix_timestamp() - MINUTES_AGO;
    service
        .load(&[
            TestEvent::new(1, "bounce", at),
            TestEvent::new(2, "bounce", at).with("provider", "resend"),
            TestEvent::new(3, "resend.email.scheduled", at).with("provider", "resend"),
            TestEvent::new(4, "open", at).with("provider", "postmark"),
        ])
        .await;

    for (query, expected) in [
        ("provider=sparkpost", vec![1]),
        ("provider=resend", vec![2, 3]),
        ("provider=resend,postmark", vec![2, 3, 4]),
        ("provider=sparkpost,postmark", vec![1, 4]),
        ("provider=resend&events=bounce", vec![2]),
        ("events=resend.email.scheduled", vec![3]),
        (
            "events=resend.email.scheduled,open&provider=postmark",
            vec![4],
        ),
        ("provider=bird", vec![]),
    ] {
        let mut found = service.search(query).await.event_ids();
        found.sort_unstable();
        assert_eq!(found, expected, "{query}");
    }
    let refused = service.search("provider=SendGrid").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.json()["errors"][0]["param"], json!("provider"));
}
