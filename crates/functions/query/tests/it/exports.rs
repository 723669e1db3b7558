//! Pages as lists for tools that read lists.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::Value;
use sqlx::PgPool;

use crate::service::{Answer, NOW, Service, TestEvent, ids_newest_first};

fn events() -> Vec<TestEvent> {
    (0..5_u32)
        .map(|n| {
            TestEvent::new(
                n.into(),
                "open",
                NOW.unix_timestamp() - 3_600 - i64::from(n),
            )
        })
        .map(|event| event.with("subject", "Hello, \"world\""))
        .collect()
}

fn text(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::OK);
    std::str::from_utf8(&answer.bytes).unwrap()
}

/// Where the header leads.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.headers.get(header::LINK)?.to_str().unwrap();
    Some(
        link.strip_prefix('<')
            .unwrap()
            .strip_suffix(">; rel=\"next\"")
            .unwrap()
            .to_owned(),
    )
}

#[sqlx::test(migrations = "../../../migrations")]
async fn ndjson_is_one_event_a_line_and_leads_on_in_a_header(pool: PgPool) {
    let service = Service::over(&pool);
    let events = events();
    service.load(&events).await;

    let mut ids = Vec::new();
    let mut uri = Some("/api/v1/events/message?format=ndjson&per_page=2".to_owned());
    while let Some(found) = uri {
        let page = service.get(&found).await;
        assert_eq!(page.headers[header::CONTENT_TYPE], "application/x-ndjson");
        for line in text(&page).lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            ids.push(event["event_id"].as_str().unwrap().parse::<u64>().unwrap());
        }
        uri = next(&page);
    }

    assert_eq!(ids, ids_newest_first(&events));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn csv_is_chosen_by_accept_header(pool: PgPool) {
    let service = Service::over(&pool);
    service.load(&events()[..1]).await;

    let request = Request::get("/api/v1/events/message")
        .header(header::ACCEPT, "text/csv")
        .body(Body::empty());
    let page = service.send(request.unwrap()).await;

    assert_eq!(
        page.headers[header::CONTENT_TYPE],
        "text/csv; charset=utf-8"
    );
    let lines: Vec<_> = text(&page).split("\r\n").collect();
    assert!(lines[0].starts_with("timestamp,type,event_id,rcpt_to,subject,"));
    assert!(lines[1].starts_with(
        "2026-11-21T11:00:00.000Z,open,0,user-0@example.com,\"Hello, \"\"world\"\"\","
    ));
    assert_eq!(lines[2..], [""]);
    assert_eq!(next(&page), None);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn tables_are_harmless_unless_a_program_asks_and_keep_their_form_from_page_to_page(
    pool: PgPool,
) {
    let service = Service::over(&pool);
    let at = NOW.unix_timestamp() - 3_600;
    service
        .load(&[
            TestEvent::new(1, "open", at).with("subject", "=cmd|'/c calc'!A1"),
            TestEvent::new(2, "open", at).with("subject", "\u{a0}+1"),
        ])
        .await;

    for (csv, first_lines) in [
        ("", ["subject", "'=cmd|'/c calc'!A1", "'\u{a0}+1"]),
        ("raw", ["subject", "=cmd|'/c calc'!A1", "\u{a0}+1"]),
        (
            "bom",
            ["\u{feff}subject", "'=cmd|'/c calc'!A1", "'\u{a0}+1"],
        ),
    ] {
        let query = format!("format=csv&columns=subject&per_page=1&csv={csv}");
        let one = service.search(&query).await;
        let other = service.get(&next(&one).unwrap()).await;
        let pages = [text(&one), text(&other)].map(|page| page.split("\r\n").collect::<Vec<_>>());
        let mut lines: Vec<_> = pages.iter().map(|page| page[1]).collect();
        lines.sort_unstable_by_key(|line| line.trim_start_matches('\'').starts_with('\u{a0}'));

        assert_eq!(pages.each_ref().map(|page| page[0]), [first_lines[0]; 2]);
        assert_eq!(lines, first_lines[1..]);
    }
    let refused = service.search("format=csv&csv=excel").await;
    assert_eq!(refused.json()["errors"][0]["param"], "csv");
}

#[sqlx::test(migrations = "../../../migrations")]
async fn parameter_wins_over_accept_header(pool: PgPool) {
    let service = Service::over(&pool);

    let request =
        Request::get("/api/v1/events/message?format=json").header(header::ACCEPT, "text/csv");
    let page = service.send(request.body(Body::empty()).unwrap()).await;

    assert_eq!(page.event_ids(), Vec::<u64>::new());
    assert_eq!(
        service.search("format=xml").await.json()["errors"][0]["param"],
        "format"
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn one_event_is_found_by_its_id_whenever_it_happened(pool: PgPool) {
    let service = Service::over(&pool);
    // SparkPost's samples: one id, many types, February 2016.
    let old = ["bounce", "click"]
        .map(|event_type| TestEvent::new(92_356_927_693_813_856, event_type, 1_454_442_600));
    service.load(&old).await;
    service.load(&events()).await;

    let one = service.get("/api/v1/events/message/3").await;
    let both = service
        .get("/api/v1/events/message/92356927693813856/")
        .await;

    assert_eq!(one.event_ids(), [3]);
    assert_eq!(one.json()["links"], serde_json::json!({}));
    assert_eq!(both.event_ids().len(), 2);
    for unknown in ["99", "3%20", "%ff", "3%00", "'or'1'='1"] {
        let answer = service
            .get(&format!("/api/v1/events/message/{unknown}"))
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{unknown}");
        assert_eq!(answer.json()["errors"][0]["message"], "resource not found");
    }
}
