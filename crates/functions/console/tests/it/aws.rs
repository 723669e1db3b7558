//! Takes the place of CloudWatch Logs and of SQS, by their protocols.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

use crate::served::served;

#[derive(Default)]
struct Inner {
    lines: Mutex<Vec<(i64, Value)>>,
    is_down: Mutex<bool>,
}

/// The stand-in.
#[derive(Clone)]
pub(crate) struct Services {
    inner: Arc<Inner>,
    pub(crate) endpoint: String,
}

impl Services {
    pub(crate) async fn start() -> Self {
        let inner = Arc::new(Inner::default());
        let router = Router::new()
            .route("/", post(answer))
            .with_state(Arc::clone(&inner));
        let endpoint = served(router).await;
        Self { inner, endpoint }
    }

    /// A line of the forwarder's log.
    pub(crate) fn log(&self, at_ms: i64, line: Value) {
        self.inner.lines.lock().unwrap().push((at_ms, line));
    }

    /// From now on nothing is answered that is of use.
    pub(crate) fn go_down(&self) {
        *self.inner.is_down.lock().unwrap() = true;
    }
}

async fn answer(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    if *inner.is_down.lock().unwrap() {
        let body = json!({ "__type": "AccessDeniedException", "message": "no" });
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    let target = headers["x-amz-target"].to_str().unwrap();
    Json(match target {
        "Logs_20140328.FilterLogEvents" => lines(&inner, &asked),
        "AmazonSQS.GetQueueAttributes" => attributes(&asked),
        other => panic!("nobody asks {other}"),
    })
    .into_response()
}

/// One line a page, after an empty page, as the service may answer.
fn lines(inner: &Inner, asked: &Value) -> Value {
    assert_eq!(asked["logGroupName"], "forwarder-log");
    let (from, to) = (
        asked["startTime"].as_i64().unwrap(),
        asked["endTime"].as_i64().unwrap(),
    );
    let lines = inner.lines.lock().unwrap();
    let inside: Vec<_> = lines
        .iter()
        .filter(|(at, _)| (from..=to).contains(at))
        .collect();
    let place: usize = asked["nextToken"]
        .as_str()
        .map_or(0, |token| token.parse().unwrap());
    let page = place.checked_sub(1).and_then(|place| inside.get(place));
    let events = page.map(|(at, line)| json!({ "timestamp": at, "message": format!("{line}\n") }));
    let mut answer = json!({ "events": events.into_iter().collect::<Vec<_>>() });
    if place < inside.len() {
        answer["nextToken"] = json!((place + 1).to_string());
    }
    answer
}

/// Messages in each queue, and two dead letters of the one that has a dead-letter queue.
fn attributes(asked: &Value) -> Value {
    let url = asked["QueueUrl"].as_str().unwrap();
    let names = asked["AttributeNames"].to_string();
    if names.contains("RedrivePolicy") {
        let policy =
            r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:1:load-dead","maxReceiveCount":"9"}"#;
        return if url.ends_with("/load") {
            json!({ "Attributes": { "RedrivePolicy": policy } })
        } else {
            json!({ "Attributes": {} })
        };
    }
    let visible = if url.ends_with("-dead") { "2" } else { "1234" };
    json!({ "Attributes": { "ApproximateNumberOfMessages": visible, "ApproximateNumberOfMessagesNotVisible": "0" } })
}
