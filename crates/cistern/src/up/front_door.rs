//! One origin for all routes, as a custom domain would be in front of the gateways in AWS.
//!
//! The emulator's own URLs carry the API's id in their path, which would break every link that is
//! relative to the host, such as `links.next` of a page of events.

use std::{net::TcpListener, time::Duration};

use anyhow::{Context as _, Result};
use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use tokio::sync::watch;

use crate::{http, stack::Stack};

/// The gateway gives up after 30 s.
const TIMEOUT: Duration = Duration::from_secs(35);

/// The gateway refuses more
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
const MAX_BODY_BYTES: usize = 10 << 20;

/// Headers that concern one connection and not the message
/// (<https://www.rfc-editor.org/rfc/rfc9110#name-connection>); and the host, which is another one.
const OF_THE_CONNECTION: [HeaderName; 8] = [
    header::CONNECTION,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A door that is open but may lead nowhere yet.
#[derive(Debug)]
pub(crate) struct FrontDoor {
    listener: TcpListener,
    gateways: watch::Sender<Gateways>,
}

/// Turns the door towards another stack's gateways.
#[derive(Clone, Debug)]
pub(crate) struct Signpost(watch::Sender<Gateways>);

/// Where the emulator has the two gateways.
#[derive(Clone, Debug, Default)]
struct Gateways {
    http_api: String,
    rest_api: String,
}

/// The one route of the REST API.
const REST_API_PATH: &str = "/webhooks/mparticle";

impl Signpost {
    /// Everything goes to the gateways of this stack from now on.
    pub(crate) fn point_to(&self, stack: &Stack) {
        let Stack {
            aws_endpoint_url,
            http_api_id,
            rest_api,
            ..
        } = stack;
        self.0.send_replace(Gateways {
            http_api: format!("{aws_endpoint_url}/_aws/execute-api/{http_api_id}"),
            rest_api: format!("{aws_endpoint_url}/restapis/{rest_api}/_user_request_"),
        });
    }
}

impl Gateways {
    fn for_path(&self, path: &str) -> &str {
        if path == REST_API_PATH {
            &self.rest_api
        } else {
            &self.http_api
        }
    }
}

#[derive(Clone)]
struct Forward {
    client: reqwest::Client,
    gateways: watch::Receiver<Gateways>,
}

impl FrontDoor {
    pub(crate) fn on(listener: TcpListener) -> Self {
        Self {
            listener,
            gateways: watch::Sender::default(),
        }
    }

    pub(crate) fn port(&self) -> Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    pub(crate) fn signpost(&self) -> Signpost {
        Signpost(self.gateways.clone())
    }

    /// Serves for ever.
    pub(crate) async fn serve(self) -> Result<()> {
        let router = router(http::client(TIMEOUT)?, self.gateways.subscribe());
        self.listener
            .set_nonblocking(true)
            .context("preparing the front door")?;
        let listener =
            tokio::net::TcpListener::from_std(self.listener).context("preparing the front door")?;
        axum::serve(listener, router)
            .await
            .context("serving the front door")
    }
}

fn router(client: reqwest::Client, gateways: watch::Receiver<Gateways>) -> Router {
    Router::new()
        .fallback(forward)
        .with_state(Forward { client, gateways })
}

async fn forward(State(forward): State<Forward>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let upstream = forward
        .gateways
        .borrow()
        .for_path(parts.uri.path())
        .to_owned();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let answer = forward
        .client
        .request(parts.method.clone(), format!("{upstream}{path}"))
        .headers(request_headers(&parts, &body))
        .body(body)
        .send()
        .await;
    let Ok(answer) = answer else {
        return message(StatusCode::BAD_GATEWAY, "The local stack is not ready");
    };
    let status = answer.status();
    let headers = of_the_message(answer.headers());
    (status, headers, Body::from_stream(answer.bytes_stream())).into_response()
}

/// An answer in the form of the gateway's own.
fn message(status: StatusCode, text: &str) -> Response {
    (status, Json(serde_json::json!({"message": text}))).into_response()
}

/// The emulator decodes as text whatever calls itself JSON, which would destroy a gzip body or one that
/// is not UTF-8. Such a body is therefore called bytes; no function looks at its type.
fn request_headers(parts: &Parts, body: &[u8]) -> HeaderMap {
    let mut headers = of_the_message(&parts.headers);
    if str::from_utf8(body).is_err() {
        let bytes = HeaderValue::from_static("application/octet-stream");
        headers.insert(header::CONTENT_TYPE, bytes);
    }
    headers
}

fn of_the_message(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in &OF_THE_CONNECTION {
        headers.remove(name);
    }
    headers
}

#[cfg(test)]
mod tests {
    use axum::{body::Bytes, routing::any};

    use super::*;

    /// Tells what reached it.
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

    async fn door_to(upstream: &str) -> String {
        let (_sender, gateways) = watch::channel(Gateways {
            http_api: upstream.to_owned(),
            rest_api: format!("{upstream}/rest"),
        });
        serve(router(http::client(TIMEOUT).unwrap(), gateways)).await
    }

    #[tokio::test]
    async fn path_query_body_status_and_headers_pass_unchanged() {
        let upstream = serve(Router::new().route("/api/{*path}", any(echo))).await;
        let door = door_to(&format!("{upstream}/api")).await;
        let body = Bytes::from_static(b"{}");

        let answer = http::client(TIMEOUT)
            .unwrap()
            .post(format!("{door}/webhooks/sparkpost?a=b%20c&a=d+e"))
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
        let door = door_to(&upstream).await;
        let seen = async |path: &str| {
            let answer = reqwest::get(format!("{door}{path}")).await.unwrap();
            answer.headers()["x-seen"].to_str().unwrap().to_owned()
        };

        let mparticle = seen("/webhooks/mparticle?a=1").await;
        let sparkpost = seen("/webhooks/sparkpost").await;

        assert!(
            mparticle.starts_with("GET /rest/webhooks/mparticle?a=1 "),
            "{mparticle}"
        );
        assert!(
            sparkpost.starts_with("GET /webhooks/sparkpost "),
            "{sparkpost}"
        );
    }

    #[tokio::test]
    async fn what_is_not_text_is_called_bytes_and_passes_unchanged() {
        let upstream = serve(Router::new().fallback(echo)).await;
        let door = door_to(&upstream).await;
        let body = Bytes::from_static(b"\x1f\x8b\x00\xff");

        let answer = http::client(TIMEOUT)
            .unwrap()
            .post(format!("{door}/x"))
            .header("content-type", "application/json")
            .body(body.clone())
            .send()
            .await
            .unwrap();

        let seen = answer.headers()["x-seen"].to_str().unwrap();
        assert!(seen.contains("application/octet-stream"), "{seen}");
        assert_eq!(answer.bytes().await.unwrap(), body);
    }

    #[tokio::test]
    async fn more_than_the_gateway_takes_is_413() {
        let door = door_to("http://127.0.0.1:1").await;

        let answer = http::client(TIMEOUT)
            .unwrap()
            .post(door)
            .body(vec![b' '; MAX_BODY_BYTES + 1])
            .send()
            .await
            .unwrap();

        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_gateway_that_is_away_is_502() {
        let door = door_to("http://127.0.0.1:1").await;

        let answer = reqwest::get(format!("{door}/healthz")).await.unwrap();

        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    }
}
