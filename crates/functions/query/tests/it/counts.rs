//! Events counted in groups.

use axum::http::StatusCode;
use serde_json::json;
use sqlx::{Executor, PgPool};

use crate::service::{Answer, NOW, Service, TestEvent};

async fn count(service: &Service, query: &str) -> Answer {
    service.get(&format!("/api/v1/events/counts?{query}")).await
}

#[sqlx::test(migrations = "../../../migrations")]
async fn groups_by_time_come_in_its_order_and_others_from_the_largest(pool: PgPool) {
    let service = Service::over(&pool);
    // Noon in UTC, and so late in the evening of that day in Auckland that two hours later it is the next.
    let noon = NOW.unix_timestamp() - 5 * 86_400;
    let events = [
        TestEvent::new(1, "open", noon - 86_400),
        TestEvent::new(2, "click", noon),
        TestEvent::new(3, "bounce", noon + 2 * 3_600).with("campaign_id", "summer"),
        TestEvent::new(4, "bounce", noon + 3 * 3_600).with("campaign_id", "summer"),
    ];
    service.load(&events).await;

    let by_type = count(&service, "group_by=type&from=2026-11-01").await;
    let by_day = count(
        &service,
        "group_by=day,campaign&from=2026-11-01&timezone=Pacific/Auckland",
    )
    .await;
    let opens = count(&service, "group_by=hour&from=2026-11-01&events=open").await;
    let none = count(&service, "group_by=hour&from=2026-11-01&events=delay").await;

    assert_eq!(
        by_type.json(),
        json!({"results": [
            {"type": "bounce", "count": 2},
            {"type": "click", "count": 1},
            {"type": "open", "count": 1},
        ]})
    );
    assert_eq!(
        by_day.json(),
        json!({"results": [
            {"day": "2026-11-16", "campaign": null, "count": 1},
            {"day": "2026-11-17", "campaign": "summer", "count": 2},
            {"day": "2026-11-17", "campaign": null, "count": 1},
        ]})
    );
    assert_eq!(
        opens.json(),
        json!({"results": [{"hour": "2026-11-15T12:00", "count": 1}]})
    );
    assert_eq!(none.json(), json!({"results": []}));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn more_groups_than_anyone_looks_at_are_refused(pool: PgPool) {
    let service = Service::over(&pool);
    pool.execute(
        "select ensure_partition('2026-11-20');
         insert into email_events (ts, event_key, type, campaign_id, event)
         select '2026-11-20 13:00+00', gen_random_uuid(), 'open', number::text, '{}'
         from generate_series(1, 10000) as number",
    )
    .await
    .unwrap();
    let from = "from=2026-11-20T00:00";

    let largest = count(&service, &format!("group_by=campaign&{from}")).await;
    pool.execute(
        "insert into email_events (ts, event_key, type, event)
         values ('2026-11-20 13:00+00', gen_random_uuid(), 'open', '{}')",
    )
    .await
    .unwrap();
    let larger = count(&service, &format!("group_by=campaign&{from}")).await;

    assert_eq!(largest.status, StatusCode::OK);
    assert_eq!(largest.json()["results"].as_array().unwrap().len(), 10_000);
    assert_eq!(larger.status, StatusCode::BAD_REQUEST);
    assert_eq!(larger.json()["errors"][0]["param"], "group_by");
}

#[sqlx::test(migrations = "../../../migrations")]
async fn wrong_dimension_is_refused_by_name(pool: PgPool) {
    let service = Service::over(&pool);

    for query in ["", "group_by=", "group_by=weekday", "group_by=day%27"] {
        let answer = count(&service, query).await;

        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.json()["errors"][0]["param"], "group_by", "{query}");
    }
}

/// The members that dimensions count, the parameters that search by them, and values that mean the same.
const DIMENSIONS: [(&str, &str, &str, &[&str]); 4] = [
    (
        "subaccount",
        "subaccounts",
        "subaccount_id",
        &["0", "", "7"],
    ),
    ("campaign", "campaigns", "campaign_id", &["summer", "", "7"]),
    (
        "mailbox_provider",
        "mailbox_providers",
        "mailbox_provider",
        &["Gmail", "", "7"],
    ),
    (
        "recipient_domain",
        "recipient_domains",
        "recipient_domain",
        &["a.b", "7"],
    ),
];

#[sqlx::test(migrations = "../../../migrations")]
async fn groups_are_distinct_and_hold_what_a_search_for_them_finds(pool: PgPool) {
    let service = Service::over(&pool);
    for (dimension, parameter, member, values) in DIMENSIONS {
        // Every value twice, and once null.
        let values = values.iter().chain(values.iter()).map(|value| json!(value));
        let values = values.chain([json!(null)]);
        let events: Vec<_> = (1..)
            .zip(values)
            .map(|(id, value)| {
                TestEvent::new(id, "open", NOW.unix_timestamp() - 3_600).with(member, value)
            })
            .collect();
        service.load(&events).await;
        let groups = count(&service, &format!("group_by={dimension}")).await;

        let results = groups.json()["results"].as_array().unwrap().clone();
        let mut keys: Vec<_> = results.iter().map(|group| &group[dimension]).collect();
        keys.dedup();
        assert_eq!(keys.len(), results.len(), "{dimension}: {results:?}");
        let nameless = results
            .iter()
            .filter(|group| matches!(group[dimension].as_str(), None | Some("" | "0")));
        assert!(nameless.count() <= 1, "{dimension}: {results:?}");
        for group in &results {
            let Some(key) = group[dimension].as_str() else {
                continue;
            };
            let found = service.search(&format!("{parameter}={key}")).await;
            assert_eq!(found.total_count(), group["count"], "{dimension}={key}");
        }
        pool.execute("delete from email_events; delete from batches")
            .await
            .unwrap();
    }
}
