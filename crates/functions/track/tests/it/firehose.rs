//! A stand-in for Firehose and Secrets Manager that fails on demand.

use std::{
    collections::VecDeque,
    future::IntoFuture as _,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The response of Firehose to one call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    Takes,
    /// Accepts all except every n-th record.
    TakesOneOf(usize),
    RefusesAll,
    Fails,
    NeverAnswers,
}

/// Responses to the next calls; the last one repeats.
#[derive(Clone, Debug)]
pub(crate) struct Firehose {
    pub(crate) url: String,
    state: Arc<Mutex<Behind>>,
}

#[derive(Debug, Default)]
struct Behind {
    moods: VecDeque<Mood>,
    taken: Vec<Vec<u8>>,
    /// How many records each call had.
    calls: Vec<usize>,
    is_secret_away: bool,
}

impl Firehose {
    pub(crate) async fn start(moods: impl IntoIterator<Item = Mood>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(Behind {
            moods: moods.into_iter().collect(),
            ..Behind::default()
        }));
        let router = Router::new()
            .fallback(answer)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&state));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { url, state }
    }

    pub(crate) fn hide_the_secret(&self) {
        self.state.lock().unwrap().is_secret_away = true;
    }

    /// The accepted records, in order.
    pub(crate) fn taken(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().taken.clone()
    }

    /// The accepted events, in order.
    pub(crate) fn events(&self) -> Vec<Value> {
        let taken = self.taken().concat();
        let lines = taken.split(|byte| *byte == b'\n');
        lines
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    pub(crate) fn calls(&self) -> Vec<usize> {
        self.state.lock().unwrap().calls.clone()
    }
}

async fn answer(
    State(state): State<Arc<Mutex<Behind>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let response = state
        .lock()
        .unwrap()
        .answer(headers["x-amz-target"].to_str().unwrap(), &body);
    match response {
        Some(response) => response,
        None => std::future::pending().await,
    }
}

impl Behind {
    /// `None` never responds.
    fn answer(&mut self, action: &str, body: &[u8]) -> Option<Response> {
        match action {
            "secretsmanager.GetSecretValue" if self.is_secret_away => {
                Some(StatusCode::INTERNAL_SERVER_ERROR.into_response())
            }
            "secretsmanager.GetSecretValue" => {
                let secret = r#"{"signing_key":"secret","track":"the key"}"#;
                let answer = json!({ "ARN": "arn", "Name": "keys", "SecretString": secret });
                Some(Json(answer).into_response())
            }
            "Firehose_20150804.PutRecordBatch" => self.put(&serde_json::from_slice(body).unwrap()),
            other => panic!("{other}"),
        }
    }

    fn put(&mut self, request: &Value) -> Option<Response> {
        assert_eq!(request["DeliveryStreamName"], "stream");
        let records = request["Records"].as_array().unwrap();
        self.calls.push(records.len());
        let mood = match self.moods.len() {
            0 => Mood::Takes,
            1 => self.moods[0],
            _ => self.moods.pop_front().unwrap(),
        };
        let takes = |index: usize| match mood {
            Mood::Takes => true,
            Mood::TakesOneOf(count) => index.is_multiple_of(count),
            Mood::RefusesAll | Mood::Fails | Mood::NeverAnswers => false,
        };
        match mood {
            Mood::Takes | Mood::TakesOneOf(_) | Mood::RefusesAll => {}
            Mood::Fails => return Some(StatusCode::SERVICE_UNAVAILABLE.into_response()),
            Mood::NeverAnswers => return None,
        }
        let mut failed_count = 0;
        let mut entries = Vec::new();
        for (index, record) in records.iter().enumerate() {
            if takes(index) {
                let data = record["Data"].as_str().unwrap();
                self.taken.push(BASE64_STANDARD.decode(data).unwrap());
                entries.push(json!({ "RecordId": "r" }));
            } else {
                failed_count += 1;
                entries.push(json!({
                    "ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down.",
                }));
            }
        }
        let answer = json!({ "FailedPutCount": failed_count, "RequestResponses": entries });
        Some(Json(answer).into_response())
    }
}
