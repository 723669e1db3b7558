//! The sums of days, and the rejected items behind them.

use axum::http::StatusCode;
use serde_json::{Value, json};
use sqlx::{Executor, PgPool};

use crate::service::Service;

/// Batches around a change of clocks (Berlin, 25 October 2026) and a day without any.
const BATCHES: &str = "
    insert into batches (batch_key, loaded_at, events, inserted, rejected, sanitized) values
        ('a', '2026-10-24 21:59:59.9+00', 10, 7, 1, 0),
        ('b', '2026-10-24 22:00+00', 5, 5, 0, 0),
        ('c', '2026-10-25 22:59:59+00', 4, 0, 0, 0),
        ('d', '2026-10-25 23:00+00', 1, 0, 1, 0),
        ('e', '2026-10-28 12:00+00', 2, 2, 0, 0)";

fn numbers(answer: &Value) -> Vec<(String, [i64; 6])> {
    let of = |day: &Value, name: &str| day[name].as_i64().unwrap();
    answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|day| {
            let names = [
                "batches",
                "received",
                "stored",
                "duplicate",
                "rejected",
                "difference",
            ];
            (
                day["day"].as_str().unwrap().to_owned(),
                names.map(|name| of(day, name)),
            )
        })
        .collect()
}

#[sqlx::test(migrations = "../../../migrations")]
async fn every_day_of_the_zone_has_its_sums_and_they_add_up(pool: PgPool) {
    let service = Service::over(&pool);
    pool.execute(BATCHES).await.unwrap();

    let answer = service
        .get("/api/v1/sums?from=2026-10-24&to=2026-10-29&timezone=Europe/Berlin")
        .await;

    assert_eq!(answer.status, StatusCode::OK);
    let expected = [
        ("2026-10-24", [1, 10, 7, 2, 1, 0]),
        ("2026-10-25", [2, 9, 5, 4, 0, 0]),
        ("2026-10-26", [1, 1, 0, 0, 1, 0]),
        ("2026-10-27", [0, 0, 0, 0, 0, 0]),
        ("2026-10-28", [1, 2, 2, 0, 0, 0]),
    ];
    assert_eq!(
        numbers(&answer.json()),
        expected.map(|(day, numbers)| (day.to_owned(), numbers))
    );
    assert_eq!(
        answer.json()["results"][0]["last_loaded_at"],
        "2026-10-24T21:59:59.9Z"
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn what_is_not_known_is_null_and_the_newest_event_is_that_of_its_time(pool: PgPool) {
    let service = Service::over(&pool);

    let before = service.get("/api/v1/sums").await.json();
    service
        .load(&[
            crate::service::TestEvent::new(1, "open", 1_795_000_000),
            crate::service::TestEvent::new(2, "open", 1_700_000_000),
        ])
        .await;
    let after = service.get("/api/v1/sums").await.json();

    assert_eq!(before["pipelines"][0]["newest_event_at"], json!(null));
    assert_eq!(
        after["pipelines"][0]["newest_event_at"],
        "2026-11-18T11:06:40Z"
    );
    for pipeline in after["pipelines"].as_array().unwrap().iter().skip(1) {
        assert_eq!(pipeline["has_sums"], false);
        assert_eq!(pipeline["newest_event_at"], json!(null));
    }
}
