//! The older of the two APIs, whose clients take a list of links and strings for ids.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::service::{Answer, NOW, Service, TestEvent, ids_newest_first};

fn events() -> Vec<TestEvent> {
    (0..7_u32)
        .map(|n| {
            TestEvent::new(
                n.into(),
                "bounce",
                NOW.unix_timestamp() - 3_600 - i64::from(n),
            )
        })
        .collect()
}

/// The links of a page by relation.
fn links(answer: &Answer) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let links = answer.json()["links"].as_array().unwrap().clone();
    links
        .iter()
        .map(|link| (text(&link["rel"]), text(&link["href"])))
        .collect()
}

fn relations(answer: &Answer) -> Vec<String> {
    links(answer)
        .into_iter()
        .map(|(relation, _)| relation)
        .collect()
}

fn link(answer: &Answer, relation: &str) -> String {
    links(answer)
        .into_iter()
        .find(|(found, _)| found == relation)
        .unwrap()
        .1
}

#[sqlx::test(migrations = "../../../migrations")]
async fn event_has_the_older_form(pool: PgPool) {
    let service = Service::over(&pool);
    let event = TestEvent::new(1, "bounce", NOW.unix_timestamp() - 3_600).with("customer_id", 42);
    service.load(&[event]).await;

    let answer = service
        .get("/api/v1/message-events?timezone=UTC&from=2026-11-21T00:00")
        .await;

    assert_eq!(
        answer.json(),
        json!({
            "results": [{
                "type": "bounce",
                "event_id": "1",
                "timestamp": "2026-11-21T11:00:00.000+00:00",
                "tdate": "2026-11-21T11:00:00.000Z",
                "rcpt_to": "user-1@example.com",
                "recipient_domain": "example.com",
                "customer_id": "42",
            }],
            "total_count": 1,
            "links": [],
        })
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn times_are_in_the_zone_asked_for_and_those_of_the_newer_api_in_utc(pool: PgPool) {
    let service = Service::over(&pool);
    service.load(&events()[..2]).await;
    let query = "timezone=America/New_York&from=2026-11-21T05:00&to=2026-11-21T07:00";

    let mut uri = format!("/api/v1/message-events?per_page=1&{query}");
    for (timestamp, tdate) in [
        ("2026-11-21T06:00:00.000-05:00", "2026-11-21T11:00:00.000Z"),
        ("2026-11-21T05:59:59.000-05:00", "2026-11-21T10:59:59.000Z"),
    ] {
        let page = service.get(&uri).await;
        let event = &page.json()["results"][0];
        assert_eq!(
            (&event["timestamp"], &event["tdate"]),
            (&json!(timestamp), &json!(tdate))
        );
        uri = links(&page)
            .into_iter()
            .find(|(relation, _)| relation == "next")
            .map_or(uri, |(_, href)| href);
    }
    let newer = service.search(query).await;
    assert_eq!(
        newer.json()["results"][0]["timestamp"],
        "2026-11-21T11:00:00.000Z"
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn pages_have_numbers_and_lead_to_each_other(pool: PgPool) {
    let service = Service::over(&pool);
    service.load(&events()).await;

    let first = service
        .get("/api/v1/message-events/?per_page=3&events=bounce")
        .await;
    let second = service.get(&link(&first, "next")).await;
    let third = service.get(&link(&second, "next")).await;

    assert_eq!(relations(&first), ["next", "last"]);
    assert_eq!(relations(&second), ["first", "previous", "next", "last"]);
    assert_eq!(relations(&third), ["first", "previous"]);
    assert_eq!(
        [&first, &second, &third].map(|page| page.event_ids().len()),
        [3, 3, 1]
    );
    for (from, relation, to) in [
        (&first, "last", &third),
        (&second, "first", &first),
        (&third, "previous", &second),
        (&third, "first", &first),
    ] {
        assert_eq!(
            service.get(&link(from, relation)).await.event_ids(),
            to.event_ids(),
            "{relation}"
        );
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn walk_by_next_is_not_shifted_by_what_arrives(pool: PgPool) {
    let service = Service::over(&pool);
    let events = events();
    service.load(&events).await;

    let mut walked = Vec::new();
    let mut page = service.get("/api/v1/message-events?per_page=2").await;
    loop {
        walked.extend(page.event_ids());
        let late = TestEvent::new(
            100 + walked.last().unwrap(),
            "click",
            NOW.unix_timestamp() - 120,
        );
        service.load(&[late]).await;
        if !relations(&page).contains(&"next".to_owned()) {
            break;
        }
        page = service.get(&link(&page, "next")).await;
    }

    assert_eq!(walked, ids_newest_first(&events));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn newer_api_lists_its_links_when_asked_to(pool: PgPool) {
    let service = Service::over(&pool);
    service.load(&events()).await;

    let page = service.search("per_page=6&links=list").await;
    let next = service.get(&link(&page, "next")).await;

    assert_eq!(relations(&page), ["next"]);
    assert_eq!(next.event_ids().len(), 1);
    assert_eq!(next.json()["links"], json!([]));
}
