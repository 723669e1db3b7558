//! Pages that would be larger than a Lambda function may return.

use axum::{
    body::Body,
    http::{Request, header},
};
use sqlx::PgPool;

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

async fn walk(service: &Service, accept_encoding: &str) -> (Vec<u64>, Vec<usize>) {
    let mut ids = Vec::new();
    let mut sizes = Vec::new();
    let mut next = Some("/api/v1/events/message?per_page=10000".to_owned());
    while let Some(uri) = next {
        let request = Request::get(uri)
            .header(header::ACCEPT_ENCODING, accept_encoding)
            .body(Body::empty());
        let page = service.send(request.unwrap()).await;
        ids.extend(page.event_ids());
        sizes.push(invocation_bytes(&page));
        next = page.next();
    }
    (ids, sizes)
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

#[sqlx::test(migrations = "../../../migrations")]
async fn event_larger_than_a_page_is_served_alone(pool: PgPool) {
    let service = Service::over(&pool);
    let mut events: Vec<_> = (0..3)
        .map(|id| TestEvent::new(id, "open", NOW.unix_timestamp() - 3_600))
        .collect();
    // Within the limit of an event, and twice that in the invocation's JSON.
    events[1]
        .members
        .insert("padding".to_owned(), "\"".repeat(2_000_000).into());
    service.load(&events).await;

    let (ids, _) = walk(&service, "identity").await;

    assert_eq!(ids, ids_newest_first(&events));
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
