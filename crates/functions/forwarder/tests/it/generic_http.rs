//! The other destination: any HTTP endpoint.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use forwarder::destination::{BodyFormat, GenericHttp, HttpLimits, SigningSecret, http_client};
use time::macros::datetime;
use tokio::net::TcpListener;
use url::Url;

use crate::rig::{AMPLE, Rig, now_s, screen_views};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

type Requests = Arc<Mutex<Vec<(HeaderMap, String)>>>;

#[derive(Clone)]
struct Endpoint {
    requests: Requests,
    /// The responses to the next requests; 200 after those.
    responses: Arc<Mutex<Vec<u16>>>,
}

impl Endpoint {
    async fn start(responses: &[u16]) -> (Self, Url) {
        let endpoint = Self {
            requests: Requests::default(),
            responses: Arc::new(Mutex::new(responses.iter().rev().copied().collect())),
        };
        let router = Router::new()
            .route("/in", post(take))
            .with_state(endpoint.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/in", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (endpoint, url)
    }

    fn bodies(&self) -> Vec<String> {
        self.requests
            .lock()
            .unwrap()
            .iter()
            .map(|(_, body)| body.clone())
            .collect()
    }

    fn header(&self, request: usize, name: &str) -> String {
        let requests = self.requests.lock().unwrap();
        requests[request]
            .0
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default()
    }
}

async fn take(State(endpoint): State<Endpoint>, headers: HeaderMap, body: String) -> StatusCode {
    endpoint.requests.lock().unwrap().push((headers, body));
    let status = endpoint.responses.lock().unwrap().pop().unwrap_or(200);
    StatusCode::from_u16(status).unwrap()
}

fn destination(url: Url, format: BodyFormat) -> GenericHttp {
    let limits = HttpLimits {
        calls: 2,
        body_bytes: 100_000,
        requests_per_second: 100.0,
    };
    GenericHttp::new(
        http_client().unwrap(),
        url,
        format,
        limits,
        || datetime!(2026-01-01 12:00 UTC),
    )
    .with_authorization(Some("Bearer token".into()))
    .with_signing_secret(Some(SigningSecret::parse(SECRET).unwrap()))
}

#[tokio::test]
async fn events_go_out_as_lines_signed_and_with_a_key() {
    let rig = Rig::new().await;
    let (endpoint, url) = Endpoint::start(&[]).await;
    rig.send(&screen_views(
        "ada",
        &[("1", now_s()), ("2", now_s() + 1), ("3", now_s() + 2)],
    ))
    .await;

    let report = rig
        .run_to(&destination(url, BodyFormat::Ndjson), AMPLE)
        .await;

    assert_eq!((report.events.sent, report.requests), (3, 2));
    let bodies = endpoint.bodies();
    assert_eq!(bodies[0].lines().count(), 2);
    assert!(
        bodies[0]
            .lines()
            .all(|line| line.starts_with(r#"{"userId":"ada","eventName":"screen_view""#))
    );
    assert_eq!(endpoint.header(0, "content-type"), "application/x-ndjson");
    assert_eq!(endpoint.header(0, "authorization"), "Bearer token");
    assert_eq!(endpoint.header(0, "cistern-operation"), "track");
    assert_eq!(
        endpoint.header(0, "webhook-id"),
        endpoint.header(0, "idempotency-key")
    );
    assert_eq!(endpoint.header(0, "webhook-timestamp"), "1767268800");
    assert!(endpoint.header(0, "webhook-signature").starts_with("v1,"));
    assert_ne!(
        endpoint.header(0, "idempotency-key"),
        endpoint.header(1, "idempotency-key")
    );
}

#[tokio::test]
async fn request_that_is_sent_again_has_the_same_key() {
    let rig = Rig::new().await;
    let (endpoint, url) = Endpoint::start(&[503]).await;
    rig.send(&screen_views("ada", &[("1", now_s())])).await;

    let report = rig.run_to(&destination(url, BodyFormat::Json), AMPLE).await;

    assert_eq!((report.events.sent, report.requests), (1, 2));
    assert!(endpoint.bodies()[0].starts_with('['));
    assert_eq!(
        endpoint.header(0, "idempotency-key"),
        endpoint.header(1, "idempotency-key")
    );
}

#[tokio::test]
async fn refused_request_is_halved_and_the_culprit_rejected() {
    let rig = Rig::new().await;
    let (_, url) = Endpoint::start(&[422, 200, 422]).await;
    rig.send(&screen_views("ada", &[("1", now_s()), ("2", now_s() + 1)]))
        .await;

    let report = rig.run_to(&destination(url, BodyFormat::Json), AMPLE).await;

    assert_eq!((report.events.sent, report.events.rejected_total()), (1, 1));
    assert_eq!(rig.rejected().await[0]["detail"], "status 422: ");
}

#[tokio::test]
async fn wrong_address_ends_the_run() {
    let rig = Rig::new().await;
    let (_, url) = Endpoint::start(&[404]).await;
    rig.send(&screen_views("ada", &[("1", now_s())])).await;

    let report = rig
        .run_to(&destination(url, BodyFormat::Json), Duration::from_secs(20))
        .await;

    assert_eq!(
        report.end,
        forwarder::RunEnd::DestinationRefused("status 404".to_owned())
    );
    assert_eq!(rig.depth().await.total(), 1);
}
