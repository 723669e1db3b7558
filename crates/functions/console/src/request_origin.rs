//! Where a browser believes to be, what the pages' policy names, and whether a form is one of ours.

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use std::sync::Arc;

use crate::{assets, config::Deps};

/// The origin at which the console is reached.
///
/// It is the configured one, or the host by which the gateway was called: that is the gateway's word, as no header of a caller has
/// a say in it, and so a domain of the operator's own needs no setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestOrigin(pub(crate) String);

impl RequestOrigin {
    fn of(deps: &Deps, headers: &HeaderMap) -> Self {
        if let Some(origin) = &deps.config.public {
            return Self(origin.as_str().to_owned());
        }
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let is_plain = |host: &&str| {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte))
        };
        host.filter(is_plain).map_or_else(
            || Self(deps.config.api.as_str().to_owned()),
            |host| Self(format!("https://{host}")),
        )
    }

    /// Whether a posted form comes from a page of ours, by what every browser says of it
    /// (<https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html>). The form's token is
    /// looked at besides.
    pub(crate) fn posted(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let content_type = text("content-type")
            .and_then(|value| value.split(';').next())
            .map(str::trim);
        let is_form = content_type
            .is_some_and(|value| value.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
        let is_same_site = !headers.contains_key("sec-fetch-site")
            || text("sec-fetch-site") == Some("same-origin");
        let is_ours = headers.get_all(header::ORIGIN).iter().count() == 1
            && text("origin") == Some(self.0.as_str());
        is_form && is_same_site && is_ours
    }
}

const SECURITY_HEADERS: [(HeaderName, &str); 8] = [
    (header::CACHE_CONTROL, "no-store"),
    // Not no-referrer: with that Chromium sends `Origin: null` with forms of our own.
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    ),
    // Without subdomains: the domain is the operator's.
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
];

/// What pages may load. Scripts come from the folder of our assets alone, as strangers' bytes are answered on the same host.
fn policy(origin: &RequestOrigin) -> String {
    let (origin, folder) = (&origin.0, assets::FOLDER);
    format!(
        "default-src 'none'; script-src {origin}{folder}; style-src {origin}{folder}; img-src {origin}{folder}; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    )
}

/// Tells the handlers the origin, and puts the headers on every answer, refusals included.
pub(crate) async fn protect(
    State(deps): State<Arc<Deps>>,
    mut request: Request,
    next: Next,
) -> Response {
    let origin = RequestOrigin::of(&deps, request.headers());
    let policy = policy(&origin);
    request.extensions_mut().insert(origin);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// As handlers get it.
pub(crate) type Origin = Extension<RequestOrigin>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forms_of_our_own_pages_are_posted() {
        let origin = RequestOrigin("https://x.example".to_owned());
        let form = "application/x-www-form-urlencoded";
        let table: [(&[(&'static str, &str)], bool); 10] = [
            (
                &[
                    ("content-type", form),
                    ("origin", "https://x.example"),
                    ("sec-fetch-site", "same-origin"),
                ],
                true,
            ),
            (
                &[
                    (
                        "content-type",
                        "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
                    ),
                    ("origin", "https://x.example"),
                ],
                true,
            ),
            (
                &[
                    ("content-type", form),
                    ("origin", "https://x.example"),
                    ("sec-fetch-site", "cross-site"),
                ],
                false,
            ),
            (
                &[
                    ("content-type", form),
                    ("origin", "https://x.example"),
                    ("sec-fetch-site", "same-site"),
                ],
                false,
            ),
            (
                &[("content-type", form), ("origin", "https://x.example.evil")],
                false,
            ),
            (
                &[("content-type", form), ("origin", "http://x.example")],
                false,
            ),
            (&[("content-type", form), ("origin", "null")], false),
            (&[("content-type", form)], false),
            (
                &[
                    ("content-type", "text/plain"),
                    ("origin", "https://x.example"),
                ],
                false,
            ),
            (&[("origin", "https://x.example")], false),
        ];
        for (headers, expected) in table {
            let map: HeaderMap = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
                .collect();
            assert_eq!(origin.posted(&map), expected, "{headers:?}");
        }
    }
}
