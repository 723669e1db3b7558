//! Pages that would be larger than a Lambda function may return.

use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::Value;
use sqlx::{Executor, PgPool};

use crate::service::{Answer, NOW, Service, TestEvent, ids_newest_first};

/// The most that a synchronous invocation may return in all.
const LAMBDA_LIMIT_BYTES: usize = 6_291_556;

/// Nine megabytes of events that compress well, some of them bigger than others.
fn events() -> Vec<TestEvent> {
    (0..6_000)
        .map(|id| {
            let padding = "\"quoted\" and plain ".repeat(usize::try_from(id % 150).unwrap());
            let age = i64::try_from(id).unwrap();
            TestEvent::new(id, "delivery", NOW.unix_timestamp() - 3_600 - age)
                .with("padding", padding)
        })
        .collect()
}

/// The length of the response in the invocation's JSON.
fn invocation_bytes(answer: &Answer) -> usize {
    match std::str::from_utf8(&answer.bytes) {
        Ok(text) => serde_json::to_string(text).unwrap().len(),
        Err(_) => answer.bytes.len().div_ceil(3) * 4,
    }
}

/// The pages from this one on.
async fn pages(service: &Service, first: &str, accept_encoding: &str) -> Vec<Answer> {
    let mut pages = Vec::new();
    let mut next = Some(first.to_owned());
    while let Some(uri) = next {
        let request = Request::get(uri)
            .header(header::ACCEPT_ENCODING, accept_encoding)
            .body(Body::empty());
        let page = service.send(request.unwrap()).await;
        next = next_of(&page);
        pages.push(page);
    }
    pages
}

/// The next page, from the envelope, or from the header that lists have instead.
fn next_of(page: &Answer) -> Option<String> {
    if page.headers[header::CONTENT_TYPE] == "application/json" {
        return page.next();
    }
    let link = page.headers.get(header::LINK)?.to_str().unwrap();
    let (uri, relation) = link.split_once('>').unwrap();
    assert_eq!(relation, "; rel=\"next\"");
    Some(uri.trim_start_matches('<').to_owned())
}

/// The ids of a page whose first column is the id, if it is a table.
fn ids_in(format: &str, page: &Answer) -> Vec<u64> {
    let lines = || std::str::from_utf8(&page.bytes).unwrap().lines();
    match format {
        "json" => page.event_ids(),
        "ndjson" => lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|event| event["event_id"].as_str().unwrap().parse().unwrap())
            .collect(),
        _ => lines()
            .skip(1)
            .map(|line| line.split(',').next().unwrap().parse().unwrap())
            .collect(),
    }
}

async fn walk(service: &Service, accept_encoding: &str) -> (Vec<u64>, Vec<usize>) {
    let first = "/api/v1/events/message?per_page=10000";
    let pages = pages(service, first, accept_encoding).await;
    let ids = pages.iter().flat_map(Answer::event_ids).collect();
    (ids, pages.iter().map(invocation_bytes).collect())
}

#[sqlx::test(migrations = "../../../migrations")]
async fn page_ends_where_lambda_would_and_the_next_one_goes_on(pool: PgPool) {
    let service = Service::over(&pool);
    let events = events();
    service.load(&events).await;

    let (ids, sizes) = walk(&service, "identity").await;

    assert_eq!(ids, ids_newest_first(&events));
    assert!(
        sizes.len() > 1 && sizes.iter().all(|size| *size < LAMBDA_LIMIT_BYTES),
        "{sizes:?}"
    );
    assert!(
        sizes[0] > LAMBDA_LIMIT_BYTES * 9 / 10,
        "room is used: {sizes:?}"
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn compressed_page_holds_what_was_asked_for(pool: PgPool) {
    let service = Service::over(&pool);
    let events = events();
    service.load(&events).await;

    let (ids, sizes) = walk(&service, "gzip, deflate").await;

    assert_eq!(ids, ids_newest_first(&events));
    assert_eq!(sizes.len(), 1);
}

/// The second one is within the limit of an event, and twice that in the invocation's JSON.
fn events_with_a_long_one() -> Vec<TestEvent> {
    let mut events: Vec<_> = (0..3)
        .map(|id| TestEvent::new(id, "open", NOW.unix_timestamp() - 3_600))
        .collect();
    events[1]
        .members
        .insert("padding".to_owned(), "\"".repeat(2_000_000).into());
    events
}

#[sqlx::test(migrations = "../../../migrations")]
async fn event_larger_than_a_page_is_shortened_and_the_walk_goes_on(pool: PgPool) {
    let service = Service::over(&pool);
    let events = events_with_a_long_one();
    service.load(&events).await;

    for format in ["json", "ndjson", "csv"] {
        let first = format!(
            "/api/v1/events/message?format={format}&columns=event_id,padding,cistern_truncated"
        );
        let pages = pages(&service, &first, "identity").await;

        let ids: Vec<u64> = pages.iter().flat_map(|page| ids_in(format, page)).collect();
        assert_eq!(ids, ids_newest_first(&events), "{format}");
        let sizes: Vec<usize> = pages.iter().map(invocation_bytes).collect();
        assert!(
            sizes.iter().all(|size| *size < LAMBDA_LIMIT_BYTES),
            "{format}: {sizes:?}"
        );
        let texts: String = pages
            .iter()
            .map(|page| std::str::from_utf8(&page.bytes).unwrap())
            .collect();
        let mark = if format == "csv" {
            "1,,true\r\n"
        } else {
            r#""cistern_truncated":true"#
        };
        assert_eq!(texts.matches(mark).count(), 1, "{format}");
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn long_event_is_whole_for_clients_that_accept_gzip(pool: PgPool) {
    let service = Service::over(&pool);
    let events = events_with_a_long_one();
    service.load(&events).await;

    for uri in ["/api/v1/events/message", "/api/v1/events/message/1"] {
        for (accept_encoding, is_whole) in [("identity", false), ("gzip", true)] {
            let pages = pages(&service, uri, accept_encoding).await;

            let found: Vec<Value> = pages
                .iter()
                .flat_map(|page| page.json()["results"].as_array().unwrap().clone())
                .collect();
            let long = found.iter().find(|event| event["event_id"] == "1").unwrap();
            let padding_bytes = long["padding"].as_str().map(str::len);
            assert_eq!(padding_bytes, is_whole.then_some(2_000_000), "{uri}");
            assert_eq!(long["cistern_truncated"] == true, !is_whole, "{uri}");
            assert_eq!(long["cistern_bytes"].as_u64() > Some(4_000_000), !is_whole);
            assert_eq!(long["rcpt_to"], "user-1@example.com");
            let sizes: Vec<usize> = pages.iter().map(invocation_bytes).collect();
            assert!(
                sizes.iter().all(|size| *size < LAMBDA_LIMIT_BYTES),
                "{uri} {accept_encoding}: {sizes:?}"
            );
        }
    }
}

/// More than is read from the database at once, so that no number of long events fills the function's memory.
#[sqlx::test(migrations = "../../../migrations")]
async fn page_goes_on_after_rows_that_were_too_long_to_be_read_at_once(pool: PgPool) {
    let service = Service::over(&pool);
    let events: Vec<_> = (0..8)
        .map(|id| {
            TestEvent::new(id, "open", NOW.unix_timestamp() - 3_600)
                .with("padding", "x".repeat(3_000_000))
        })
        .collect();
    service.load(&events).await;

    for (per_page, counts) in [
        (10_000, vec![8]),
        (8, vec![8]),
        (6, vec![6, 2]),
        (1, vec![1; 8]),
    ] {
        let first = format!("/api/v1/events/message?per_page={per_page}");
        let pages = pages(&service, &first, "gzip").await;

        let ids: Vec<u64> = pages.iter().flat_map(Answer::event_ids).collect();
        assert_eq!(ids, ids_newest_first(&events), "{per_page}");
        let served: Vec<usize> = pages.iter().map(|page| page.event_ids().len()).collect();
        assert_eq!(served, counts, "{per_page}");
    }
}

/// As many rejected items as a page may have, each as long as is shown, twice that in JSON, and twice that in the invocation's.
const REJECTED: &str = r#"
    insert into email_events_rejected (batch_key, ordinal, reason, raw, rejected_at)
    select 'b', ordinal, 'it is not an object', convert_to(repeat('"', 4096), 'UTF8'), '2026-11-20 10:00+00'
    from generate_series(0, 999) as ordinal"#;

#[sqlx::test(migrations = "../../../migrations")]
async fn page_of_rejected_items_ends_where_lambda_would_and_the_next_one_goes_on(pool: PgPool) {
    let service = Service::over(&pool);
    pool.execute(REJECTED).await.unwrap();
    let first = "/api/v1/rejected?per_page=1000";

    for (accept_encoding, page_count) in [("identity", 3), ("gzip", 1)] {
        let pages = pages(&service, first, accept_encoding).await;

        let ordinals: Vec<u64> = pages
            .iter()
            .flat_map(|page| page.json()["results"].as_array().unwrap().clone())
            .map(|item| item["ordinal"].as_u64().unwrap())
            .collect();
        assert_eq!(ordinals, (0..1_000).rev().collect::<Vec<u64>>());
        let sizes: Vec<usize> = pages.iter().map(invocation_bytes).collect();
        assert!(
            sizes.len() == page_count && sizes.iter().all(|size| *size < LAMBDA_LIMIT_BYTES),
            "{accept_encoding}: {sizes:?}"
        );
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn short_answers_are_not_compressed(pool: PgPool) {
    let service = Service::over(&pool);
    service.load(&events()[..3]).await;

    let request = Request::get("/api/v1/events/message")
        .header(header::ACCEPT_ENCODING, "gzip")
        .body(Body::empty());
    let answer = service.send(request.unwrap()).await;

    assert_eq!(answer.headers.get(header::CONTENT_ENCODING), None);
    assert_eq!(answer.headers[header::VARY], "accept, accept-encoding");
    assert_eq!(answer.event_ids(), [0, 1, 2]);
}
