//! Requests with every kind of wrong part that a gateway passes on, at the limits of their size.

use serde_json::{Value, json};

/// The longest header. An HTTP API accepts 10,240 bytes of request line and headers together.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
pub(crate) const HEADER_BYTES: usize = 8_192;
/// The longest path and query that the search accepts.
pub(crate) const URI_BYTES: usize = 4_096;
pub(crate) const MANY: usize = 10_000;

/// Headers with a meaning for some server, proxy or client, and invalid names.
pub(crate) const HEADERS: [&str; 36] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "origin",
    "range",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
    "x-api-key",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-uri",
    "x-http-method-override",
    "x-messagesystems-batch-id",
    "x-original-url",
    "x-rewrite-url",
    "",
    ":path",
    "a name with spaces é",
];

/// Texts of `bytes` bytes or a little less, by what they are made of.
pub(crate) fn texts(bytes: usize) -> Vec<(&'static str, String)> {
    let pieces = [
        ("letters", "a"),
        ("digits", "9"),
        ("signs", "-"),
        ("spaces", " "),
        ("commas", ","),
        ("lists", "gzip;q=0.001,"),
        ("quotes", "\""),
        ("apostrophes", "'"),
        ("backslashes", "\\"),
        ("brackets", "[{(<"),
        ("percent signs", "%"),
        ("percent-encoded letters", "%41"),
        ("double percent-encoding", "%2541"),
        ("percent-encoded NUL", "%00"),
        ("percent-encoded line ends", "%0D%0A"),
        ("percent-encoded commas", "%2C"),
        ("invalid UTF-8", "%FF"),
        ("overlong UTF-8", "%C0%AF"),
        ("surrogates in UTF-8", "%ED%A0%80"),
        ("UTF-16", "%FE%FF%00a"),
        ("letters of another encoding", "%u0041"),
        ("letters beyond ASCII", "é"),
        ("emoji", "😀"),
        ("combining letters", "e\u{301}"),
        ("letters from right to left", "\u{202e}ש"),
        ("NUL", "\0"),
        ("control characters", "\u{1}\u{7f}\t"),
        ("line ends", "\r\nx-injected: 1"),
        ("dot segments", "../"),
        ("percent-encoded dot segments", "%2e%2e%2f"),
    ];
    let repeated = |(name, piece): (&'static str, &str)| (name, piece.repeat(bytes / piece.len()));
    pieces.into_iter().map(repeated).collect()
}

/// A gateway's event, payload format 2.0, from a caller who satisfies the route.
pub(crate) fn event(route_key: &str, method: &str, path: &str, query: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": route_key, "rawPath": path, "rawQueryString": query,
        "headers": { "host": "x.example" },
        "requestContext": {
            "accountId": "0", "apiId": "x", "domainName": "x.example", "domainPrefix": "x", "requestId": "r",
            "routeKey": route_key, "stage": "$default", "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000_i64,
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "x" },
        },
        "isBase64Encoded": false,
    })
}
