//! The router with a stand-in for Firehose.

use std::{sync::Arc, time::Duration};

use access_keys::KeyCache;
use aws_io::Aws;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode},
};
use event_model::Pipeline;
use function_kit::{Env, capture::Capture, gateway, metrics::Metrics};
use http_body_util::BodyExt;
use serde_json::Value;
use time::{OffsetDateTime, macros::datetime};
use tower::ServiceExt;
use track::{Config, Deps, ROUTES, router};
use uuid::Uuid;

pub(crate) const KEY: (&str, &str) = ("x-api-key", "the key");
/// printf %s page | openssl dgst -sha256 -hmac secret
pub(crate) const PAGE_KEY: &str =
    "24bbc1c3d816cd2f8d8e75c782a857540394479b4a6f3dba12b9eba47ebc8002";
/// Enough for a debug build on a busy machine.
const AMPLE: Duration = Duration::from_mins(1);
/// For responses that never arrive.
const SHORT: Duration = Duration::from_secs(1);

pub(crate) struct Rig {
    router: Router,
    metrics: Capture,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Rig {
    /// A rig with the server at `endpoint_url`.
    pub(crate) async fn before(endpoint_url: &str) -> Self {
        Self::with(endpoint_url, &[]).await
    }

    /// The same with a short timeout.
    pub(crate) async fn with_short_timeout(endpoint_url: &str) -> Self {
        Self::new(endpoint_url, &[], SHORT).await
    }

    pub(crate) async fn with(endpoint_url: &str, settings: &[(&str, &str)]) -> Self {
        Self::new(endpoint_url, settings, AMPLE).await
    }

    async fn new(endpoint_url: &str, settings: &[(&str, &str)], put_deadline: Duration) -> Self {
        let required = [("DELIVERY_STREAM", "stream"), ("KEYS_SECRET_ARN", "keys")];
        let env = Env::from_pairs(required.into_iter().chain(settings.iter().copied()));
        let mut config = Config::from_env(&env).unwrap();
        config.put_deadline = put_deadline;
        let aws = Aws::local(endpoint_url).await;
        let metrics = Capture::default();
        let deps = Deps {
            firehose: aws.firehose(),
            keys: Arc::new(KeyCache::new(
                aws.secrets(),
                config.secret_id.clone(),
                config.max_key_age,
            )),
            metrics: Metrics::to(Pipeline::ProductEvents, metrics.clone()),
            clock,
            new_id: Uuid::new_v4,
            config,
        };
        Self {
            router: router(deps),
            metrics,
        }
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.into()).unwrap(),
        }
    }

    /// The response to a gateway's event.
    pub(crate) async fn invoke(&self, event: Value) -> Value {
        let event = serde_json::from_value(event).unwrap();
        let answer = gateway::respond(self.router.clone(), &ROUTES, event).await;
        serde_json::to_value(answer).unwrap()
    }

    /// Posts with the key.
    pub(crate) async fn post(&self, body: impl Into<Body>) -> Answer {
        self.send(request("POST", &[KEY], body)).await
    }

    pub(crate) fn metric_lines(&self) -> String {
        self.metrics.text()
    }
}

pub(crate) fn request(method: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request {
    request_to("/track", method, headers, body)
}

pub(crate) fn request_to(
    path: &str,
    method: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Request {
    let mut request = axum::http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

fn clock() -> OffsetDateTime {
    datetime!(2026-03-01 12:00 UTC)
}
