//! One origin for all routes, as a custom domain would be in front of the gateways in AWS.
//!
//! The emulator's own URLs have the API's id in their path, which breaks every link that is relative to the host, such as
//! `links.next` of a page of events. The whole emulator with its secrets is behind the proxy, so it forwards the deployed routes and
//! nothing else.

mod address;
mod cors;
mod gateways;

use std::{net::TcpListener, time::Duration};

use anyhow::{Context as _, Result};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use http_body_util::BodyExt as _;
use tokio::sync::watch;

use self::{
    address::address,
    cors::Cors,
    gateways::{Gateways, RouteKind},
};
use crate::{http, stack::Stack};

/// The gateway times out after 30 s.
const TIMEOUT: Duration = Duration::from_secs(35);

/// The gateway refuses more
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
const MAX_BODY_BYTES: usize = 10 << 20;

/// Headers that concern one connection and not the message
/// (<https://www.rfc-editor.org/rfc/rfc9110#name-connection>); and the host, which is another one.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A proxy that listens, and may have no upstream yet.
#[derive(Debug)]
pub(crate) struct ReverseProxy {
    listener: TcpListener,
    gateways: watch::Sender<Gateways>,
}

/// Changes the upstream of a running proxy.
#[derive(Clone, Debug)]
pub(crate) struct UpstreamHandle(watch::Sender<Gateways>);

impl UpstreamHandle {
    /// Forwards all requests to the gateways of this stack from now on, by their current routes.
    pub(crate) async fn switch_to(&self, stack: &Stack) -> Result<()> {
        let gateways = Gateways::of(stack).await?;
        self.0.send_replace(gateways);
        Ok(())
    }
}

#[derive(Clone)]
struct Forward {
    client: reqwest::Client,
    gateways: watch::Receiver<Gateways>,
}

impl ReverseProxy {
    pub(crate) fn on(listener: TcpListener) -> Self {
        Self {
            listener,
            gateways: watch::Sender::default(),
        }
    }

    pub(crate) fn port(&self) -> Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    pub(crate) fn upstream(&self) -> UpstreamHandle {
        UpstreamHandle(self.gateways.clone())
    }

    /// Serves until it is dropped.
    pub(crate) async fn serve(self) -> Result<()> {
        let router = router(http::client(TIMEOUT)?, self.gateways.subscribe());
        self.listener
            .set_nonblocking(true)
            .context("preparing the reverse proxy")?;
        let listener = tokio::net::TcpListener::from_std(self.listener)
            .context("preparing the reverse proxy")?;
        axum::serve(listener, router)
            .await
            .context("serving the reverse proxy")
    }
}

fn router(client: reqwest::Client, gateways: watch::Receiver<Gateways>) -> Router {
    Router::new()
        .fallback(forward)
        .with_state(Forward { client, gateways })
}

async fn forward(State(forward): State<Forward>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let gateways = forward.gateways.borrow().clone();
    let answer = answer(&forward.client, &gateways, &parts, body).await;
    answer.unwrap_or_else(Refusal::into_response)
}

async fn answer(
    client: &reqwest::Client,
    gateways: &Gateways,
    parts: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let kind = gateways.route_kind(&parts.method, parts.uri.path())?;
    let cors = gateways.cors(kind);
    match kind {
        RouteKind::NoRoute if parts.method == Method::OPTIONS => {
            return Ok(cors.ok_or(Refusal::NoRoute)?.preflight(&parts.headers));
        }
        RouteKind::NoRoute => return Err(Refusal::NoRoute),
        // The emulator would answer every such request itself.
        RouteKind::Closed
            if parts.method == Method::OPTIONS
                && !parts.headers.contains_key(header::AUTHORIZATION) =>
        {
            return Err(Refusal::NoKey);
        }
        RouteKind::Closed | RouteKind::Open | RouteKind::Rest => {}
    }
    let address = address(gateways.base(kind), &parts.uri)?;
    let body = read(body).await?;
    let answer = client
        .request(parts.method.clone(), address)
        .headers(request_headers(kind, parts, &body))
        .body(body)
        .send()
        .await
        .map_err(|_| Refusal::NotReady)?;
    let status = answer.status();
    let mut headers = end_to_end_headers(answer.headers());
    if let Some(cors) = cors {
        cors.overwrite(&parts.headers, &mut headers);
    }
    Ok((status, headers, Body::from_stream(answer.bytes_stream())).into_response())
}

/// A response of the proxy itself, with the gateway's text where the gateway would give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    NotReady,
    NoRoute,
    NoKey,
    Address,
    TooLarge,
    Truncated,
}

impl Refusal {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::NotReady => (StatusCode::BAD_GATEWAY, "The local stack is not ready"),
            Self::NoRoute => (StatusCode::NOT_FOUND, "Not Found"),
            Self::NoKey => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Address => (
                StatusCode::BAD_REQUEST,
                "Bad Request: the path contains . or .. or a backslash",
            ),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Self::Truncated => (
                StatusCode::BAD_REQUEST,
                "Bad Request: the body ended too soon",
            ),
        };
        (status, Json(serde_json::json!({"message": text}))).into_response()
    }
}

async fn read(mut body: Body) -> Result<Bytes, Refusal> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::Truncated)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if read.len() + data.len() > MAX_BODY_BYTES {
            return Err(Refusal::TooLarge);
        }
        read.extend_from_slice(&data);
    }
    Ok(read.into())
}

/// The emulator's HTTP API decodes every body of type JSON as text, which would corrupt a gzip body or one that
/// is not UTF-8. Such a body gets a binary type instead; no function reads the type. A REST API's template is chosen by the
/// type, and bodies are text there in AWS as well.
fn request_headers(kind: RouteKind, parts: &Parts, body: &[u8]) -> HeaderMap {
    let mut headers = end_to_end_headers(&parts.headers);
    if kind != RouteKind::Rest && str::from_utf8(body).is_err() {
        let bytes = HeaderValue::from_static("application/octet-stream");
        headers.insert(header::CONTENT_TYPE, bytes);
    }
    headers
}

fn end_to_end_headers(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    headers
}

#[cfg(test)]
mod tests;
