//! Each fault, seen by a client: what it gets, and whether the call took effect.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{Router, extract::State as Shared, routing::any};
use tokio::net::TcpListener;

use super::*;

/// An upstream that counts the requests that it has read to their end.
async fn upstream() -> (String, Arc<AtomicUsize>) {
    async fn count(Shared(calls): Shared<Arc<AtomicUsize>>, body: String) -> String {
        calls.fetch_add(1, Ordering::SeqCst);
        format!("{} bytes {}", body.len(), "x".repeat(200))
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let calls = Arc::<AtomicUsize>::default();
    let router = Router::new()
        .fallback(any(count))
        .with_state(Arc::clone(&calls));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, calls)
}

struct Seen {
    status: Option<u16>,
    body: Option<String>,
    calls: usize,
}

async fn post_through(fault: Option<Fault>) -> Seen {
    let (url, calls) = upstream().await;
    let faults = Arc::new(Faults::default());
    if let Some(fault) = fault {
        faults.arm(Site::Destination, Strike::Fault(fault));
    }
    let callers = Arc::new(Callers::of(None));
    let calls_of = Calls::Of(Site::Destination);
    let proxy = HttpProxy::start(&url, calls_of, Arc::clone(&faults), callers)
        .await
        .unwrap();
    let client = crate::http::client(Duration::from_secs(20)).unwrap();
    let answer = client
        .post(proxy.url())
        .body("y".repeat(5_000))
        .send()
        .await;
    let (status, body) = match answer {
        Ok(answer) => (Some(answer.status().as_u16()), answer.text().await.ok()),
        Err(_) => (None, None),
    };
    assert_eq!(faults.waiting(), 0);
    Seen {
        status,
        body,
        calls: calls.load(Ordering::SeqCst),
    }
}

#[tokio::test]
async fn without_a_fault_everything_passes() {
    let seen = post_through(None).await;

    assert_eq!((seen.status, seen.calls), (Some(200), 1));
    assert!(seen.body.unwrap().starts_with("5000 bytes xxx"));
}

#[tokio::test]
async fn each_fault_shows_the_caller_what_it_says_and_has_the_effect_that_it_says() {
    let cases = [
        // fault, status, whether the body is readable, calls with effect
        (Fault::Refuse, None, false, 0),
        (Fault::CutRequest, None, false, 0),
        (Fault::LoseResponse, None, false, 1),
        (Fault::FailAfterEffect, Some(500), true, 1),
        (Fault::InternalError, Some(500), true, 0),
        (Fault::Throttle, Some(429), true, 0),
        (Fault::Delay, Some(200), true, 1),
    ];
    for (fault, status, readable, calls) in cases {
        let seen = post_through(Some(fault)).await;

        assert_eq!(
            (seen.status, seen.body.is_some(), seen.calls),
            (status, readable, calls),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn a_truncated_response_cannot_be_read_to_its_end() {
    let seen = post_through(Some(Fault::TruncateResponse)).await;

    assert_eq!((seen.status, seen.body, seen.calls), (Some(200), None, 1));
}
