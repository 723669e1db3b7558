//! The target of a request.

use axum::http::Uri;
use reqwest::Url;

use super::Refusal;

/// The path and query of `uri` below `base`.
///
/// A parser may read an address differently from how it is written: `..` and a backslash go up, `%2e` is a dot. So the parsed
/// address must equal the written one; otherwise the request is refused.
///
/// # Errors
/// [`Refusal::Address`] for a path that could be resolved to another one.
pub(super) fn address(base: &str, uri: &Uri) -> Result<Url, Refusal> {
    // The emulator compares routes including a trailing slash, while AWS's gateways route `/track/` like `/track`.
    // A path of slashes alone is the root, whose slash is the path itself.
    let path = match uri.path().trim_end_matches('/') {
        "" => "/",
        path => path,
    };
    let query = uri.query().map(|query| format!("?{query}"));
    let text = format!("{base}{path}{}", query.unwrap_or_default());
    let url = Url::parse(&text).map_err(|_| Refusal::NotReady)?;
    let base = Url::parse(base).map_err(|_| Refusal::NotReady)?;
    let is_below = url.origin() == base.origin()
        && url.path().strip_prefix(base.path().trim_end_matches('/')) == Some(path);
    if is_below {
        Ok(url)
    } else {
        Err(Refusal::Address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "http://127.0.0.1:4566/_aws/execute-api/abc";

    fn of(uri: &str) -> Result<String, Refusal> {
        address(BASE, &uri.parse().unwrap()).map(|url| url.to_string())
    }

    #[test]
    fn paths_and_queries_go_on_as_they_are() {
        for (uri, rest) in [
            (
                "/api/v1/events/message?a=b%20c&a=d+e",
                "/api/v1/events/message?a=b%20c&a=d+e",
            ),
            ("//webhooks//sparkpost", "//webhooks//sparkpost"),
            ("/track/", "/track"),
            ("/track//?a", "/track?a"),
            ("/", "/"),
            ("//?a", "/?a"),
            ("/api/%2Fx%3Fy", "/api/%2Fx%3Fy"),
            ("/api/x?../../..", "/api/x?../../.."),
            ("http://elsewhere/api/x", "/api/x"),
        ] {
            assert_eq!(of(uri), Ok(format!("{BASE}{rest}")), "{uri}");
        }
    }

    #[test]
    fn what_would_be_read_otherwise_is_refused() {
        for path in [
            "/..",
            "/../../..",
            "/a/../b",
            "/.",
            "/%2e%2e/%2e%2e",
            "/.%2E/x",
            "/%2e./x",
            "/a\\..\\b",
            "/a\\b",
        ] {
            assert_eq!(of(path), Err(Refusal::Address), "{path}");
        }
    }
}
