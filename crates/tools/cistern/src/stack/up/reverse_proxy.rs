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
mod tests {
    use axum::routing::any;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;

    /// Responds with what it received.
    async fn echo(request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let seen = format!(
            "{} {} {:?} {}",
            parts.method,
            parts.uri,
            parts.headers.get(header::CONTENT_TYPE),
            parts.headers.contains_key("x-mine"),
        );
        (StatusCode::IM_A_TEAPOT, [("x-seen", seen)], body).into_response()
    }

    async fn serve(router: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    async fn proxy_to(upstream: &str) -> String {
        let (_sender, gateways) = watch::channel(gateways::tests::gateways(upstream));
        serve(router(http::client(TIMEOUT).unwrap(), gateways)).await
    }

    /// A connection on which a request was written as it stands.
    async fn write(proxy: &str, request: &str) -> TcpStream {
        let address = proxy.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn read_status(mut stream: TcpStream) -> u16 {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let status = answer.split(' ').nth(1).unwrap_or_default();
        status.parse().unwrap_or_default()
    }

    #[tokio::test]
    async fn path_query_body_status_and_headers_pass_unchanged() {
        let upstream = serve(Router::new().route("/api/{*path}", any(echo))).await;
        let proxy = proxy_to(&format!("{upstream}/api")).await;
        let body = Bytes::from_static(b"{}");

        let answer = http::client(TIMEOUT)
            .unwrap()
            .post(format!("{proxy}/webhooks/sparkpost?a=b%20c&a=d+e"))
            .header("x-mine", "1")
            .header("content-type", "application/json")
            .body(body.clone())
            .send()
            .await
            .unwrap();

        assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
        assert_eq!(
            answer.headers()["x-seen"],
            r#"POST /api/webhooks/sparkpost?a=b%20c&a=d+e Some("application/json") true"#
        );
        assert_eq!(answer.bytes().await.unwrap(), body);
    }

    #[tokio::test]
    async fn each_path_goes_to_its_gateway() {
        let upstream = serve(Router::new().fallback(echo)).await;
        let proxy = proxy_to(&upstream).await;
        let client = http::client(TIMEOUT).unwrap();
        let seen = async |path: &str| {
            let answer = client.post(format!("{proxy}{path}")).send().await.unwrap();
            let seen = answer.headers().get("x-seen").map(HeaderValue::to_str);
            seen.unwrap_or(Ok("")).unwrap().to_owned()
        };

        let mparticle = seen("/webhooks/mparticle?a=1").await;
        let sparkpost = seen("/webhooks/sparkpost").await;

        assert!(
            mparticle.starts_with("POST /rest/webhooks/mparticle?a=1 "),
            "{mparticle}"
        );
        assert!(
            sparkpost.starts_with("POST /webhooks/sparkpost "),
            "{sparkpost}"
        );
        assert_eq!(seen("/_ministack/reset").await, "");
    }

    #[tokio::test]
    async fn what_is_not_text_is_called_bytes_before_the_http_api_alone() {
        let upstream = serve(Router::new().fallback(echo)).await;
        let proxy = proxy_to(&upstream).await;
        let body = Bytes::from_static(b"\x1f\x8b\x00\xff");

        for (path, content_type) in [
            ("/webhooks/sparkpost", "application/octet-stream"),
            ("/webhooks/mparticle", "application/json"),
        ] {
            let answer = http::client(TIMEOUT)
                .unwrap()
                .post(format!("{proxy}{path}"))
                .header("content-type", "application/json")
                .body(body.clone())
                .send()
                .await
                .unwrap();

            let seen = answer.headers()["x-seen"].to_str().unwrap();
            assert!(seen.contains(content_type), "{seen}");
            assert_eq!(answer.bytes().await.unwrap(), body);
        }
    }

    /// Written to the socket directly, because a client would resolve the path.
    #[tokio::test]
    async fn no_spelling_of_a_path_leaves_the_routes() {
        let upstream = serve(Router::new().fallback(echo)).await;
        let proxy = proxy_to(&format!("{upstream}/_aws/execute-api/abc")).await;
        let table = [
            ("GET /../../../", 400),
            ("POST /../../../?Action=GetSecretValue", 400),
            ("GET /healthz/../../../bucket?list-type=2", 400),
            ("GET /%2e%2e/%2e%2e/%2e%2e/", 400),
            ("GET /api/.%2e/.%2e/.%2e/", 400),
            ("GET /api/%252e%252e/x", 400),
            ("GET /api/..;/x", 400),
            ("GET /api/;../x", 400),
            ("GET /api\\..\\..\\..\\x", 400),
            ("GET /api/..%5c..%5c", 400),
            ("GET /v2/apis", 404),
            ("GET /", 404),
            ("OPTIONS *", 204),
            ("GET /healthz", 418),
            ("GET //api//v1/x/", 418),
        ];

        for (line, status) in table {
            let request = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            let answered = read_status(write(&proxy, &request).await).await;
            assert_eq!(answered, status, "{line}");
        }
    }

    #[tokio::test]
    async fn preflights_are_answered_where_no_route_takes_them_and_closed_routes_ask_for_a_key() {
        let upstream = serve(Router::new().fallback(echo)).await;
        let proxy = proxy_to(&upstream).await;
        let ask = async |path: &str| {
            let answer = http::client(TIMEOUT)
                .unwrap()
                .request(Method::OPTIONS, format!("{proxy}{path}"))
                .header("origin", "https://shop.example")
                .header("access-control-request-method", "POST")
                .send()
                .await
                .unwrap();
            let origin = answer.headers().get("access-control-allow-origin").cloned();
            (answer.status().as_u16(), origin.is_some())
        };

        assert_eq!(ask("/track").await, (204, true));
        assert_eq!(ask("/track/").await, (204, true));
        assert_eq!(ask("/api/v1/events/message").await, (401, false));
        assert_eq!(ask("/webhooks/mparticle").await, (418, false));
    }

    #[tokio::test]
    async fn more_than_the_gateway_takes_is_413() {
        let proxy = proxy_to("http://127.0.0.1:1").await;

        let answer = http::client(TIMEOUT)
            .unwrap()
            .post(format!("{proxy}/webhooks/sparkpost"))
            .body(vec![b' '; MAX_BODY_BYTES + 1])
            .send()
            .await
            .unwrap();

        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_truncated_body_is_not_reported_as_too_large_and_is_not_forwarded() {
        let proxy = proxy_to("http://127.0.0.1:1").await;

        for request in [
            "POST /webhooks/sparkpost HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n[{",
            "POST /webhooks/sparkpost HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nff\r\n[{",
        ] {
            let mut stream = write(&proxy, request).await;
            stream.shutdown().await.unwrap();
            assert_eq!(read_status(stream).await, 400, "{request}");
        }
    }

    #[tokio::test]
    async fn a_gateway_that_is_away_is_502() {
        let proxy = proxy_to("http://127.0.0.1:1").await;

        let answer = reqwest::get(format!("{proxy}/healthz")).await.unwrap();

        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    }
}
