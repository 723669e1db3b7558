//! A proxy between a function and the emulator's Firehose, which refuses calls.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::aws::root;
use crate::stack::StackFile;

/// The treatment of the calls, in turn.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    /// Nothing is refused.
    None,
    /// The first half of the records is accepted.
    Half,
    /// No record is accepted.
    All,
    /// All records are accepted, and the response is lost.
    LostAnswer,
}

#[derive(Clone)]
struct Between {
    http: reqwest::Client,
    file: StackFile,
    refusals: &'static [Refusal],
    call_count: Arc<AtomicUsize>,
}

/// Starts on a free port; returns its URL. `refusals` repeat from the first after the last.
pub(crate) async fn start(stack: &StackFile, refusals: &'static [Refusal]) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let between = Between {
        http: reqwest::Client::new(),
        file: stack.clone(),
        refusals,
        call_count: Arc::default(),
    };
    let router = Router::new()
        .fallback(put)
        .layer(DefaultBodyLimit::disable())
        .with_state(between);
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok(url)
}

async fn put(State(between): State<Between>, headers: HeaderMap, body: String) -> Response {
    let number = between.call_count.fetch_add(1, Ordering::SeqCst);
    let refusal = between.refusals[number % between.refusals.len()];
    let mut request: Value = serde_json::from_str(&body).unwrap_or_default();
    let records = request["Records"].as_array_mut();
    let refused_count = records.map_or(0, |records| {
        let kept = match refusal {
            Refusal::None | Refusal::LostAnswer => records.len(),
            Refusal::Half => records.len() / 2,
            Refusal::All => 0,
        };
        records.split_off(kept).len()
    });
    let mut answer = json!({ "FailedPutCount": 0, "RequestResponses": [] });
    if request["Records"]
        .as_array()
        .is_some_and(|records| !records.is_empty())
    {
        match between.forward(&headers, &request).await {
            Ok(taken) => answer = taken,
            Err(_) => return StatusCode::BAD_GATEWAY.into_response(),
        }
    }
    if matches!(refusal, Refusal::LostAnswer) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    answer["FailedPutCount"] = json!(refused_count);
    if let Some(entries) = answer["RequestResponses"].as_array_mut() {
        let refused =
            json!({ "ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down." });
        entries.extend(std::iter::repeat_n(refused, refused_count));
    }
    axum::Json(answer).into_response()
}

impl Between {
    async fn forward(&self, headers: &HeaderMap, request: &Value) -> Result<Value> {
        // With another key: the forwarded request differs from the one that the function signed.
        let mut forwarded = self
            .http
            .post(&self.file.aws_endpoint_url)
            .header("authorization", root(&self.file, "firehose"))
            .body(request.to_string());
        for name in ["x-amz-target", "content-type"] {
            if let Some(value) = headers.get(name) {
                forwarded = forwarded.header(name, value);
            }
        }
        let answer = forwarded.send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }
}
