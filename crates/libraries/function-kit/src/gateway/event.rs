//! The gateway's event, payload format 2.0, and the request that it becomes.

use std::{collections::HashMap, fmt};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;

use super::{BadPath, covers, normal_path};
use crate::{ApiError, http::ErrorItem};

/// The members of the event that are used
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>). The events of a
/// Function URL have the same form.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    route_key: Option<String>,
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    cookies: Option<Vec<String>>,
    headers: Option<HashMap<String, String>>,
    request_context: RequestContext,
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RequestContext {
    route_key: Option<String>,
    domain_name: Option<String>,
    http: Http,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Http {
    method: Option<String>,
    source_ip: Option<String>,
}

/// The caller as the gateway reports it: an extension of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The IP address; empty if the event has none.
    pub source_ip: String,
}

/// The route by which the gateway let the request in, such as `POST /track`: an extension of the request. What the caller was asked
/// for, such as a key of a scope, depends on it and not on the path alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteKey(pub String);

/// Why an event is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the route does not belong to this function, or does not cover the path")]
    Route,
    #[error(transparent)]
    Path(#[from] BadPath),
    #[error("malformed method or path")]
    Unreadable,
    #[error("the body is not valid base64")]
    Body(#[source] base64::DecodeError),
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let bad_request = |description| {
            let item = ErrorItem::new("bad request").description(description);
            Self::new(StatusCode::BAD_REQUEST, item)
        };
        match &refusal {
            Refusal::Route | Refusal::Path(BadPath::Control) => Self::not_found(),
            Refusal::Path(BadPath::DotSegment) => {
                bad_request("the path must not have the segments . and ..")
            }
            Refusal::Unreadable => bad_request("the method or the path is malformed"),
            Refusal::Body(_) => Self::internal(refusal),
        }
    }
}

/// Characters that have to be encoded in the query of a [`Uri`]. The gateway passes a query string on unchanged, so what the client
/// failed to encode is encoded here.
const NOT_IN_A_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');

/// Headers that could override the path, method or host of the gateway's event. They are removed, so that no library between here and
/// the functions can read them.
const OVERRIDING_HEADERS: [&str; 13] = [
    "forwarded",
    "host",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-uri",
    "x-rewrite-url",
];

impl Event {
    /// The request for the router: the gateway's method, path and host, and the caller's query, headers and body.
    pub(super) fn into_request(self, route_keys: &[&str]) -> Result<Request, Refusal> {
        let path = normal_path(self.raw_path.as_deref().unwrap_or_default());
        let method = self.request_context.http.method.unwrap_or_default();
        let route_key = self.route_key.unwrap_or_default();
        let is_one_key = self
            .request_context
            .route_key
            .is_none_or(|key| key == route_key);
        if !is_one_key || !route_keys.contains(&route_key.as_str()) {
            return Err(Refusal::Route);
        }
        let path = path?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| Refusal::Unreadable)?;
        if !covers(&route_key, method.as_str(), &path) {
            return Err(Refusal::Route);
        }
        let uri = uri(path, &self.raw_query_string.unwrap_or_default())?;
        let body = body(self.body, self.is_base64_encoded)?;

        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers(
            self.headers.unwrap_or_default(),
            &self.cookies.unwrap_or_default(),
            self.request_context.domain_name,
        );
        request.extensions_mut().insert(RouteKey(route_key));
        request.extensions_mut().insert(Caller {
            source_ip: self.request_context.http.source_ip.unwrap_or_default(),
        });
        Ok(request)
    }
}

/// Without headers, path, query and body.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("route_key", &self.route_key)
            .finish_non_exhaustive()
    }
}

fn uri(path: String, query: &str) -> Result<Uri, Refusal> {
    let mut uri = path;
    if !query.is_empty() {
        uri.push('?');
        uri.extend(utf8_percent_encode(query, NOT_IN_A_QUERY));
    }
    uri.try_into().map_err(|_| Refusal::Unreadable)
}

fn body(body: Option<String>, is_base64_encoded: bool) -> Result<Body, Refusal> {
    match body {
        Some(body) if is_base64_encoded => {
            let bytes = BASE64_STANDARD.decode(body).map_err(Refusal::Body)?;
            Ok(Body::from(bytes))
        }
        Some(body) => Ok(Body::from(body)),
        None => Ok(Body::empty()),
    }
}

/// Invalid headers, such as a value with a control character, are removed: every function handles a missing header.
fn headers(
    given: HashMap<String, String>,
    cookies: &[String],
    domain_name: Option<String>,
) -> HeaderMap {
    let cookies = (!cookies.is_empty()).then(|| (header::COOKIE.to_string(), cookies.join("; ")));
    let host = domain_name.map(|name| (header::HOST.to_string(), name));
    given
        .into_iter()
        .filter(|(name, _)| !is_overriding(name))
        .chain(cookies)
        .chain(host)
        .filter_map(|(name, value)| {
            let name = HeaderName::try_from(name).ok()?;
            Some((name, HeaderValue::try_from(value).ok()?))
        })
        .collect()
}

fn is_overriding(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("x-forwarded") || OVERRIDING_HEADERS.contains(&name.as_str())
}
