//! CORS responses of an HTTP API
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>). The emulator stores the configuration but
//! refuses every preflight.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

/// `CorsConfiguration`, in the template's spelling or in the API's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Cors {
    #[serde(alias = "allowOrigins")]
    allow_origins: Vec<String>,
    #[serde(alias = "allowMethods")]
    allow_methods: Vec<String>,
    #[serde(alias = "allowHeaders")]
    allow_headers: Vec<String>,
    #[serde(alias = "exposeHeaders")]
    expose_headers: Vec<String>,
    #[serde(alias = "maxAge")]
    max_age: Option<u32>,
}

/// A function's own headers are ignored if the gateway has a CORS configuration.
const OF_THE_FUNCTION: [HeaderName; 6] = [
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

impl Cors {
    /// The gateway's response to an `OPTIONS` that no route handles: 204, with the allowed values if the origin is allowed.
    pub(super) fn preflight(&self, asked: &HeaderMap) -> Response {
        let mut headers = HeaderMap::new();
        if asked.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
            && let Some(origin) = self.allowed_origin(asked)
        {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            let age = self.max_age.map(|age| age.to_string()).unwrap_or_default();
            for (name, value) in [
                (
                    header::ACCESS_CONTROL_ALLOW_METHODS,
                    self.allow_methods.join(","),
                ),
                (
                    header::ACCESS_CONTROL_ALLOW_HEADERS,
                    self.allow_headers.join(","),
                ),
                (header::ACCESS_CONTROL_MAX_AGE, age),
            ] {
                insert(&mut headers, name, &value);
            }
        }
        (StatusCode::NO_CONTENT, headers).into_response()
    }

    /// Replaces a function's headers by the gateway's.
    pub(super) fn overwrite(&self, asked: &HeaderMap, answered: &mut HeaderMap) {
        for name in &OF_THE_FUNCTION {
            answered.remove(name);
        }
        if let Some(origin) = self.allowed_origin(asked) {
            answered.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            let exposed = self.expose_headers.join(",");
            insert(answered, header::ACCESS_CONTROL_EXPOSE_HEADERS, &exposed);
        }
    }

    /// The allowed origin in the response; `None` for an origin that is not allowed, and without an origin.
    fn allowed_origin(&self, asked: &HeaderMap) -> Option<HeaderValue> {
        let origin = asked.get(header::ORIGIN)?;
        let text = origin.to_str().ok()?;
        let mut allowed = self.allow_origins.iter();
        if self.allow_origins.iter().any(|allowed| allowed == "*") {
            Some(HeaderValue::from_static("*"))
        } else if allowed.any(|allowed| matches_origin(allowed, text)) {
            Some(origin.clone())
        } else {
            None
        }
    }
}

/// `https://*` is any origin with that scheme.
fn matches_origin(allowed: &str, origin: &str) -> bool {
    match allowed.strip_suffix('*') {
        Some(start) => origin
            .get(..start.len())
            .is_some_and(|begun| begun.eq_ignore_ascii_case(start)),
        None => allowed.eq_ignore_ascii_case(origin),
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cors(origins: &[&str]) -> Cors {
        serde_json::from_value(json!({
            "AllowOrigins": origins, "AllowMethods": ["POST"], "AllowHeaders": ["content-type", "x-api-key"],
            "ExposeHeaders": ["retry-after"], "MaxAge": 86400,
        }))
        .unwrap()
    }

    fn asked(origin: Option<&'static str>, method: Option<&'static str>) -> HeaderMap {
        let named = [
            (header::ORIGIN, origin),
            (header::ACCESS_CONTROL_REQUEST_METHOD, method),
        ];
        named
            .into_iter()
            .filter_map(|(name, value)| Some((name, HeaderValue::from_static(value?))))
            .collect()
    }

    #[test]
    fn preflights_of_allowed_origins_are_told_what_is_allowed() {
        let table = [
            (&["*"][..], Some("https://shop.example"), Some("*")),
            (
                &["https://shop.example"],
                Some("https://SHOP.example"),
                Some("https://SHOP.example"),
            ),
            (
                &["https://*"],
                Some("https://any.example"),
                Some("https://any.example"),
            ),
            (&["https://*"], Some("http://any.example"), None),
            (
                &["https://shop.example"],
                Some("https://evil.example"),
                None,
            ),
            (
                &["https://shop.example"],
                Some("https://shop.example.evil"),
                None,
            ),
            (&["*"], None, None),
        ];

        for (origins, origin, allowed) in table {
            let answer = cors(origins).preflight(&asked(origin, Some("POST")));

            assert_eq!(answer.status(), StatusCode::NO_CONTENT);
            let headers = answer.headers();
            let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(
                header("access-control-allow-origin"),
                allowed,
                "{origins:?} {origin:?}"
            );
            let told = allowed.is_some();
            assert_eq!(
                header("access-control-allow-methods"),
                told.then_some("POST")
            );
            assert_eq!(
                header("access-control-allow-headers"),
                told.then_some("content-type,x-api-key")
            );
            assert_eq!(header("access-control-max-age"), told.then_some("86400"));
        }
        let no_preflight = cors(&["*"]).preflight(&asked(Some("https://shop.example"), None));
        assert!(
            !no_preflight
                .headers()
                .contains_key("access-control-allow-origin")
        );
    }

    #[test]
    fn answers_have_the_gateways_headers_and_not_the_functions() {
        let of_the_function = || {
            let mut headers = HeaderMap::new();
            headers.insert(
                "access-control-allow-origin",
                HeaderValue::from_static("https://f"),
            );
            headers.insert(
                "access-control-allow-methods",
                HeaderValue::from_static("PUT"),
            );
            headers
        };
        let mut to_a_page = of_the_function();
        let mut to_a_program = of_the_function();

        cors(&["*"]).overwrite(&asked(Some("https://shop.example"), None), &mut to_a_page);
        cors(&["*"]).overwrite(&asked(None, None), &mut to_a_program);

        assert_eq!(to_a_page["access-control-allow-origin"], "*");
        assert_eq!(to_a_page["access-control-expose-headers"], "retry-after");
        assert!(!to_a_page.contains_key("access-control-allow-methods"));
        assert!(to_a_program.is_empty());
    }
}
