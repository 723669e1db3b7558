//! The function with its own bucket and queue.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use aws_io::{
    Aws, gzip,
    s3::{ObjectRef, get_capped, listing::list},
};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use event_model::rejected::Mark;
use http_body_util::BodyExt;
use repair::{Config, Deps, router};
use sender_recipes::SenderList;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::datetime};
use tower::ServiceExt;

const NOW: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);
const LIMIT: Duration = Duration::from_secs(10);

pub(crate) struct Rig {
    pub(crate) deps: Deps,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let url = std::env::var("AWS_ENDPOINT_URL").expect(
            "AWS_ENDPOINT_URL must name a local AWS endpoint; `make test` starts one and sets it",
        );
        let aws = Aws::local(&url).await;
        let name = format!("repair-{:016x}", RandomState::new().hash_one(0));
        let (s3, sqs) = (aws.s3(), aws.sqs());
        s3.create_bucket().bucket(&name).send().await.unwrap();
        let queue = sqs.create_queue().queue_name(&name).send().await.unwrap();
        let config = Config {
            bucket: name,
            forward_queue_url: queue.queue_url,
        };
        Self {
            deps: Deps {
                senders: SenderList::new(s3.clone(), config.bucket.clone()),
                config,
                s3,
                sqs,
                clock: || NOW,
            },
        }
    }

    pub(crate) async fn put(&self, key: &str, bytes: Vec<u8>) {
        let put = self
            .deps
            .s3
            .put_object()
            .bucket(&self.deps.config.bucket)
            .key(key)
            .body(bytes.into());
        put.send().await.unwrap();
    }

    /// The keys under a prefix.
    pub(crate) async fn keys(&self, prefix: &str) -> Vec<String> {
        let listed = list(&self.deps.s3, &self.deps.config.bucket, prefix, LIMIT).await;
        let keys = listed.unwrap().into_iter().map(|object| object.key);
        keys.collect()
    }

    pub(crate) async fn get(&self, key: &str) -> Vec<u8> {
        let name = ObjectRef {
            bucket: self.deps.config.bucket.clone(),
            key: key.to_owned(),
        };
        get_capped(&self.deps.s3, &name, 1 << 20, LIMIT)
            .await
            .unwrap()
    }

    /// What a compressed object holds.
    pub(crate) async fn content(&self, key: &str) -> String {
        let bytes = gzip::decode_capped(&self.get(key).await, 1 << 20).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Every mark there is, in the order of their objects.
    pub(crate) async fn marks(&self) -> Vec<Mark> {
        let mut marks = Vec::new();
        for key in self.keys("state/rejected/").await {
            let object = String::from_utf8(self.get(&key).await).unwrap();
            marks.extend(
                object
                    .lines()
                    .map(|line| serde_json::from_str::<Mark>(line).unwrap()),
            );
        }
        marks
    }

    /// The bodies of the queue's messages, which are taken from it.
    pub(crate) async fn messages(&self) -> Vec<String> {
        let url = self.deps.config.forward_queue_url.as_ref().unwrap();
        let mut bodies = Vec::new();
        loop {
            let received = self
                .deps
                .sqs
                .receive_message()
                .queue_url(url)
                .max_number_of_messages(10)
                .visibility_timeout(600)
                .send();
            let messages = received.await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                bodies.sort();
                return bodies;
            }
            bodies.extend(messages.into_iter().map(|message| message.body.unwrap()));
        }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send("POST", path, body.to_string()).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: String) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/rejected{path}"))
            .body(Body::from(body))
            .unwrap();
        let response = router(self.deps.clone()).oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    pub(crate) async fn retry(&self, ids: &[&str]) -> Value {
        let (status, answer) = self.post("/retry", &json!({ "ids": ids })).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }
}
