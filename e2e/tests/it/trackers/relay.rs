//! A relay between a library and the stack, which may lose a response.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use anyhow::Result;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};

/// The treatment of the stack's responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    AsTheyCome,
    /// The first response is replaced by a 503, though its events are stored.
    FirstIsLost,
}

/// A relay on its own port.
pub(super) struct Relay {
    pub(super) url: String,
    state: Arc<Between>,
}

struct Between {
    client: reqwest::Client,
    base_url: String,
    loses_next: AtomicBool,
    /// The stack's responses, in order.
    statuses: Mutex<Vec<StatusCode>>,
}

impl Relay {
    pub(super) async fn before(base_url: &str, answers: Answers) -> Result<Self> {
        let state = Arc::new(Between {
            client: reqwest::Client::new(),
            base_url: base_url.to_owned(),
            loses_next: AtomicBool::new(answers == Answers::FirstIsLost),
            statuses: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, state })
    }

    pub(super) fn statuses(&self) -> Vec<StatusCode> {
        let statuses = self.state.statuses.lock();
        statuses.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Between {
    fn note(&self, status: StatusCode) {
        let statuses = self.statuses.lock();
        statuses
            .unwrap_or_else(PoisonError::into_inner)
            .push(status);
    }
}

async fn pass(
    State(state): State<Arc<Between>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut request = state
        .client
        .request(method, format!("{}{uri}", state.base_url))
        .body(body);
    for name in [
        header::AUTHORIZATION,
        header::CONTENT_ENCODING,
        header::CONTENT_TYPE,
    ] {
        if let Some(value) = headers.get(&name) {
            request = request.header(name, value);
        }
    }
    let Ok(answer) = request.send().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let status = answer.status();
    state.note(status);
    if status.is_success() && state.loses_next.swap(false, Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
    let body = answer.bytes().await.unwrap_or_default();
    let mut response = (status, body).into_response();
    if let Some(kind) = kind {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}
