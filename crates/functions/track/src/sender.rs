//! Kinds of senders, by path: where their key is, and which response they expect.

use std::borrow::Cow;

use access_keys::presented_key;
use axum::{
    Json,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::{envelope::Shared, walk::spaces};

pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A shorter key could be a word in an event.
const SHORTEST_REDACTED: usize = 16;

/// A kind of sender.
#[derive(Clone, Debug)]
pub(crate) enum Sender {
    /// Any sender that follows the documentation of `/track`: the key is in a header.
    Own,
    /// A page, whose beacons cannot set headers: the key is in the path.
    Page(SecretString),
    /// The libraries of Segment and RudderStack: the key is the user name of basic authentication. With the JSON of the
    /// type of a single event, which the event itself may lack.
    Segment(Option<&'static str>),
    /// The libraries of PostHog: the key is in the body.
    PostHog,
}

/// The calls of Segment's HTTP API, each with its `type` as JSON
/// (<https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/>).
pub(crate) const CALLS: [(&str, Option<&str>); 7] = [
    ("batch", None),
    ("track", Some("\"track\"")),
    ("identify", Some("\"identify\"")),
    ("page", Some("\"page\"")),
    ("screen", Some("\"screen\"")),
    ("group", Some("\"group\"")),
    ("alias", Some("\"alias\"")),
];

impl Sender {
    /// The key in the path or in a header.
    pub(crate) fn presented(&self, headers: &HeaderMap) -> Option<SecretString> {
        let text = |name| headers.get(name)?.to_str().ok();
        match self {
            Self::Page(key) => Some(key.clone()),
            Self::Own | Self::Segment(_) | Self::PostHog => match text(API_KEY) {
                Some(key) if !key.is_empty() => Some(key.into()),
                Some(_) | None => text(header::AUTHORIZATION).and_then(presented_key),
            },
        }
    }

    /// Whether the key may be in the body. Only where a library cannot send it elsewhere, since the body has to be expanded before the
    /// key is checked.
    pub(crate) fn may_have_key_in_body(&self) -> bool {
        matches!(self, Self::PostHog)
    }

    /// Whether the key is part of the path, where only a key that visitors may read belongs.
    pub(crate) fn is_in_path(&self) -> bool {
        matches!(self, Self::Page(_))
    }

    /// The members that the path gives to the events of the request.
    pub(crate) fn shared(&self) -> Option<Shared<'static>> {
        match self {
            Self::Segment(Some(call)) => Some(Shared::of_call(call)),
            Self::Own | Self::Page(_) | Self::Segment(None) | Self::PostHog => None,
        }
    }

    /// Whether it is a library, which gets the response of the service that it was made for: RudderStack's and PostHog's libraries for
    /// Python regard every other status than 200 as a failure.
    pub(crate) fn is_library(&self) -> bool {
        matches!(self, Self::Segment(_) | Self::PostHog)
    }

    /// The response to an accepted request, with a warning if `suspect_count` of its objects look like unknown envelopes.
    pub(crate) fn accepted_response(&self, suspect_count: usize) -> Response {
        let warnings: Vec<Warning> = (suspect_count > 0)
            .then(|| Warning::of_suspects(suspect_count))
            .into_iter()
            .collect();
        if self.is_library() {
            let response = LibraryResponse {
                success: true,
                status: 1,
                warnings,
            };
            Json(response).into_response()
        } else if warnings.is_empty() {
            StatusCode::NO_CONTENT.into_response()
        } else {
            Json(OwnResponse { warnings }).into_response()
        }
    }
}

#[derive(Serialize)]
struct OwnResponse {
    warnings: Vec<Warning>,
}

/// The response of Segment (`success`) and PostHog (`status`).
#[derive(Serialize)]
struct LibraryResponse {
    success: bool,
    status: u8,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

#[derive(Serialize)]
struct Warning {
    message: &'static str,
    description: String,
}

impl Warning {
    fn of_suspects(count: usize) -> Self {
        let objects = if count == 1 {
            "1 object was"
        } else {
            &format!("{count} objects were")
        };
        Self {
            message: "taken as one event",
            description: format!(
                "{objects} kept as one event each, though nothing in them has a column and they hold a list of objects: send \
                 the events of the list themselves, or in a list named batch or events"
            ),
        }
    }
}

/// The key in a body: of the object, or of the first of several.
pub(crate) fn key_in_body(body: &[u8]) -> Option<SecretString> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow)]
        api_key: Option<Cow<'a, str>>,
        #[serde(borrow)]
        token: Option<Cow<'a, str>>,
        #[serde(borrow)]
        properties: Option<Properties<'a>>,
    }
    #[derive(Deserialize)]
    struct Properties<'a> {
        #[serde(borrow)]
        token: Option<Cow<'a, str>>,
    }

    let start = body.get(spaces(body)..)?;
    let start = start.strip_prefix(b"[").unwrap_or(start);
    let mut objects = serde_json::Deserializer::from_slice(start).into_iter::<Object<'_>>();
    let object = objects.next()?.ok()?;
    let in_properties = || object.properties.and_then(|properties| properties.token);
    let key = object.api_key.or(object.token).or_else(in_properties)?;
    (!key.is_empty()).then(|| SecretString::from(key.into_owned()))
}

/// The body with each string that equals the key replaced by an empty string, so that the key is never stored.
pub(crate) fn without_key<'a>(body: &'a [u8], key: &SecretString) -> Cow<'a, [u8]> {
    let key = key.expose_secret();
    let (Ok(text), false) = (std::str::from_utf8(body), key.len() < SHORTEST_REDACTED) else {
        return body.into();
    };
    let quoted = format!("\"{key}\"");
    if text.contains(&quoted) {
        text.replace(&quoted, "\"\"").into_bytes().into()
    } else {
        body.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> Option<String> {
        key_in_body(body.as_bytes()).map(|key| key.expose_secret().to_owned())
    }

    #[test]
    fn the_key_of_a_body_is_found_where_libraries_write_it() {
        for (body, key) in [
            (r#"{"api_key":"k","batch":[]}"#, Some("k")),
            (r#"{"event":"a","api_key":"k"}"#, Some("k")),
            (r#"{"token":"k","event":"a"}"#, Some("k")),
            (
                r#" [{"event":"a","properties":{"token":"k"}},{}]"#,
                Some("k"),
            ),
            (r#"{"api_key":"k","properties":{"token":"t"}}"#, Some("k")),
            (r#"{"api_key":""}"#, None),
            (r#"{"api_key":7}"#, None),
            (r#"{"batch":[{"api_key":"k"}]}"#, None),
            (r#"{"api_key":"k""#, None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(said(body).as_deref(), key, "{body}");
        }
    }

    #[test]
    fn the_key_is_removed_where_it_is_a_whole_string() {
        let key = SecretString::from("0123456789abcdef");
        let body = br#"{"properties":{"token":"0123456789abcdef"},"a":"0123456789abcdef0"}"#;

        assert_eq!(
            without_key(body, &key).as_ref(),
            br#"{"properties":{"token":""},"a":"0123456789abcdef0"}"#
        );
        let word = SecretString::from("page");
        assert_eq!(
            without_key(br#"{"type":"page"}"#, &word).as_ref(),
            br#"{"type":"page"}"#
        );
    }
}
