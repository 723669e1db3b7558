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
        ("GET /", 418),
        ("PUT /", 404),
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
