//! The router with its own bucket, and assertions about both.

use std::{sync::Arc, time::Duration};

use access_keys::{KeyCache, Networks};
use aws_io::{Aws, gzip};
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode},
};
use event_model::Pipeline;
use function_kit::{capture::Capture, gateway, metrics::Metrics};
use http_body_util::BodyExt;
use ingest::{Config, Deps, ROUTES, Sns, router};
use sender_recipes::SenderList;
use serde_json::Value;
use test_bucket::{Bucket, endpoint_url, unique};
use time::{OffsetDateTime, macros::datetime};
use tower::ServiceExt;

use crate::keys::{self, KEY};

pub(crate) const STORE_DEADLINE: Duration = Duration::from_millis(1_500);
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// Where nothing answers.
const NOWHERE: &str = "http://127.0.0.1:1";

pub(crate) struct Rig {
    router: Router,
    bucket: Bucket,
    metrics: Capture,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Rig {
    pub(crate) async fn open() -> Self {
        Self::open_to(Networks::default()).await
    }

    /// A service that accepts callers of these networks.
    pub(crate) async fn open_to(networks: Networks) -> Self {
        Self::open_with(networks, NOWHERE).await
    }

    /// A service that finds SNS at this address.
    pub(crate) async fn open_beside(sns_url: &str) -> Self {
        Self::open_with(Networks::default(), sns_url).await
    }

    async fn open_with(networks: Networks, sns_url: &str) -> Self {
        let rig = Self::between(&endpoint_url(), &keys::start().await, sns_url, networks).await;
        let create = rig.bucket.s3.create_bucket().bucket(&rig.bucket.name);
        create.send().await.unwrap();
        rig
    }

    /// A service with the server at `endpoint_url` as S3.
    pub(crate) async fn before(endpoint_url: &str) -> Self {
        let secrets_url = keys::start().await;
        Self::between(endpoint_url, &secrets_url, NOWHERE, Networks::default()).await
    }

    /// A service without a store and a secret.
    pub(crate) async fn without_keys() -> Self {
        Self::between(NOWHERE, NOWHERE, NOWHERE, Networks::default()).await
    }

    async fn between(s3_url: &str, secrets_url: &str, sns_url: &str, networks: Networks) -> Self {
        let bucket = Bucket {
            s3: Aws::local(s3_url).await.s3(),
            name: unique("ingest"),
        };
        let secrets = Aws::local(secrets_url).await.secrets();
        let metrics = Capture::default();
        let config = Config {
            bucket: bucket.name.clone(),
            secret_id: "keys".to_owned(),
            max_key_age: Duration::from_mins(5),
            networks,
            max_body_bytes: MAX_BODY_BYTES,
            store_deadline: STORE_DEADLINE,
            metrics_namespace: None,
            local_sns: Some(sns_url.parse().unwrap()),
        };
        let keys = KeyCache::new(secrets, config.secret_id.clone(), config.max_key_age);
        let deps = Deps {
            sns: Arc::new(Sns::new(config.local_sns)),
            config,
            s3: bucket.s3.clone(),
            senders: SenderList::new(bucket.s3.clone(), &*bucket.name),
            keys: Arc::new(keys),
            metrics: Metrics::to(Pipeline::EmailEvents, metrics.clone()),
            clock,
        };
        Self {
            router: router(deps),
            bucket,
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
            body: serde_json::from_slice(&body).unwrap(),
        }
    }

    /// Posts with the key.
    pub(crate) async fn post(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let headers = [&[("Authorization", KEY)], headers].concat();
        self.send_as_given("/webhooks/sparkpost", &headers, body)
            .await
    }

    /// Posts with these headers only.
    pub(crate) async fn send_as_given(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        self.send(request("POST", path, headers, body)).await
    }

    /// The response to the gateway's event.
    pub(crate) async fn invoke(&self, event: Value) -> Value {
        let event = serde_json::from_value(event).unwrap();
        let answer = gateway::respond(self.router.clone(), &ROUTES, event).await;
        serde_json::to_value(answer).unwrap()
    }

    pub(crate) async fn put(&self, key: &str, bytes: Vec<u8>) {
        self.bucket.put(key, bytes).await;
    }

    /// Keys of all objects, in order.
    pub(crate) async fn keys(&self) -> Vec<String> {
        self.bucket.keys("").await
    }

    /// Content of the only object.
    pub(crate) async fn archived(&self) -> Vec<u8> {
        let objects = self.bucket.objects("").await;
        assert_eq!(objects.len(), 1, "{:?}", objects.keys());
        let object = objects.values().next().unwrap();
        gzip::decode_capped(object, 1 << 20).unwrap()
    }

    pub(crate) async fn metadata(&self, key: &str) -> Vec<(String, String)> {
        let head = self
            .bucket
            .s3
            .head_object()
            .bucket(&self.bucket.name)
            .key(key)
            .send()
            .await
            .unwrap();
        let mut metadata: Vec<_> = head.metadata().unwrap().clone().into_iter().collect();
        metadata.sort();
        metadata
    }

    /// The sum of one metric over all lines.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        self.metrics.sum(name)
    }

    pub(crate) fn metric_lines(&self) -> String {
        self.metrics.text()
    }
}

pub(crate) fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Request {
    let mut request = axum::http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

pub(crate) fn clock() -> OffsetDateTime {
    datetime!(2026-03-01 12:00 UTC)
}
