//! What is stored can be asked for.

use axum::http::StatusCode;
use serde_json::json;
use sqlx::PgPool;

use crate::service::{NOW, Service, TestEvent};

fn event(id: u64, event_type: &'static str) -> TestEvent {
    TestEvent::new(id, event_type, NOW.unix_timestamp() - 3_600)
}

#[sqlx::test(migrations = "../../migrations")]
async fn any_type_that_is_stored_is_found_by_its_name(pool: PgPool) {
    let service = Service::over(&pool);
    service
        .load(&[
            event(1, "bounce"),
            event(2, "newer_than_this"),
            event(3, "Newer-Class.v2"),
        ])
        .await;

    for (types, found) in [
        ("newer_than_this", vec![2]),
        ("Newer-Class.v2", vec![3]),
        ("never_seen", vec![]),
        ("bounce,never_seen", vec![1]),
    ] {
        let answer = service.search(&format!("events={types}")).await;
        assert_eq!(answer.event_ids(), found, "{types}");
    }
    let counted = service
        .get("/api/v1/events/counts?group_by=type&events=newer_than_this,bounce")
        .await;
    assert_eq!(counted.json()["results"].as_array().unwrap().len(), 2);
    let refused = service.search("events=bounce;open").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}
