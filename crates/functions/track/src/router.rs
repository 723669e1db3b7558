//! The routes and their responses.

use std::{borrow::Cow, time::Duration};

use access_keys::{Admission, Scope};
use aws_io::firehose::put_records;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Path, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
    routing::{MethodRouter, post},
};
use bytes::Bytes;
use event_model::ByteForm;
use function_kit::{
    ApiError,
    http::ErrorItem,
    metrics::{Metric, Tally},
};
use secrecy::SecretString;
use time::OffsetDateTime;
use tower_http::cors::CorsLayer;

use crate::{
    Deps, body,
    body_error::BodyError,
    event::Stamp,
    records,
    sender::{API_KEY, CALLS, Sender, key_in_body, without_key},
};

/// The value of `Retry-After`, for senders that respect it.
const RETRY_AFTER_SECONDS: u32 = 5;
/// How long a browser may cache a preflight response.
const PREFLIGHT_AGE: Duration = Duration::from_hours(24);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The routes of this function: those of the HTTP API, and `$default` of a Function URL.
pub const ROUTES: [&str; 11] = [
    "POST /track",
    "POST /track/{proxy+}",
    "POST /v1/{proxy+}",
    "POST /batch",
    "POST /batch/{proxy+}",
    "POST /e",
    "POST /e/{proxy+}",
    "POST /capture",
    "POST /capture/{proxy+}",
    "POST /i/{proxy+}",
    "$default",
];

/// The paths to which PostHog's libraries post
/// (<https://posthog.com/docs/api/capture>, and `/i/v0/e`, of later versions).
const OF_POSTHOG: [&str; 4] = ["/batch", "/capture", "/e", "/i/v0/e"];

/// The function as an HTTP service.
pub fn router(deps: Deps) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(deps.config.allowed_origins.clone())
        .allow_methods([Method::POST])
        .allow_headers([
            API_KEY,
            IDEMPOTENCY_KEY,
            header::AUTHORIZATION,
            header::CONTENT_ENCODING,
            header::CONTENT_TYPE,
        ])
        .expose_headers([header::RETRY_AFTER])
        .max_age(PREFLIGHT_AGE);
    let mut router = Router::new()
        .route("/track", route_of(Sender::Own))
        .route("/track/{key}", only_post(post(receive_from_page)));
    for (call, kind) in CALLS {
        router = router.route(&format!("/v1/{call}"), route_of(Sender::Segment(kind)));
    }
    for path in OF_POSTHOG {
        router = router.route(path, route_of(Sender::PostHog));
    }
    router
        .fallback(|| async { ApiError::not_found() })
        .layer(DefaultBodyLimit::max(deps.config.max_body_bytes))
        .layer(cors)
        .with_state(deps)
}

fn route_of(sender: Sender) -> MethodRouter<Deps> {
    only_post(post(
        async move |State(deps): State<Deps>,
                    headers: HeaderMap,
                    body: Result<Bytes, BytesRejection>| {
            receive(&deps, &sender, &headers, body).await
        },
    ))
}

fn only_post(route: MethodRouter<Deps>) -> MethodRouter<Deps> {
    route.fallback(|| async { ApiError::method_not_allowed("POST") })
}

async fn receive_from_page(
    State(deps): State<Deps>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let sender = Sender::Page(SecretString::from(key));
    receive(&deps, &sender, &headers, body).await
}

async fn receive(
    deps: &Deps,
    sender: &Sender,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let accepted = accept(deps, sender, headers, body).await;
    let mut tally = Tally::default();
    match &accepted {
        Ok(0) => {}
        Ok(suspect_count) => tally.add(
            Metric::EnvelopesKept,
            u64::try_from(*suspect_count).unwrap_or(u64::MAX),
        ),
        Err(_) => tally.add(Metric::BatchesRefused, 1),
    }
    // An accepted request without suspects writes no log line, to save cost.
    if tally != Tally::default() {
        deps.metrics.emit(&tally, (deps.clock)().into());
    }
    match accepted {
        Ok(suspect_count) => Ok(sender.accepted_response(suspect_count)),
        Err(error) if sender.is_library() => Err(error.summarised()),
        Err(error) => Err(error),
    }
}

/// Puts the events into Firehose. Returns how many of them look like unknown envelopes.
async fn accept(
    deps: &Deps,
    sender: &Sender,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<usize, ApiError> {
    let now = (deps.clock)();
    let body = body.map_err(refuse_body)?;
    let (key, body) = match sender.presented(headers) {
        Some(key) => {
            check_key(deps, sender, &key, now).await?;
            (key, body::expand(headers, body).map_err(refuse)?)
        }
        None if sender.may_have_key_in_body() => {
            let body = body::expand(headers, body).map_err(refuse)?;
            let key = key_in_body(&body).ok_or_else(|| {
                ApiError::unauthorized("send the key as api_key in the body, or as x-api-key")
            })?;
            check_key(deps, sender, &key, now).await?;
            (key, body)
        }
        None => {
            return Err(ApiError::unauthorized(
                "send the key as x-api-key or Authorization; pages send theirs in the path, /track/<key>",
            ));
        }
    };

    let body = without_key(&body, &key);
    let collected = body::events(&body, sender.shared()).map_err(refuse)?;
    let idempotency_key = headers.get(IDEMPOTENCY_KEY).map(HeaderValue::as_bytes);
    let stamp = Stamp::new(now, idempotency_key, &body, (deps.new_id)());
    let records = records::pack(&collected.events, &stamp).map_err(|too_large| {
        let number = too_large.index + 1;
        payload_too_large(format!("event {number} has more than 1,000 KiB"))
    })?;
    let suspect_count = collected.suspect_count;
    drop(collected);

    let Deps {
        firehose, config, ..
    } = deps;
    put_records(firehose, &config.stream, records, config.put_deadline)
        .await
        .map_err(|error| ApiError::unavailable(RETRY_AFTER_SECONDS, error))?;
    Ok(suspect_count)
}

/// A key of the scope `page` is accepted on every path, a key of the scope `track` not on paths that contain the key.
async fn check_key(
    deps: &Deps,
    sender: &Sender,
    presented: &SecretString,
    now: OffsetDateTime,
) -> Result<(), ApiError> {
    let admit = async |scope| {
        let admission = deps.keys.admit(scope, presented, now.into()).await;
        // If the keys cannot be read, the sender should retry rather than give up.
        admission.map_err(|error| ApiError::unavailable(RETRY_AFTER_SECONDS, error))
    };
    let own = if sender.is_in_path() {
        Scope::Page
    } else {
        Scope::Track
    };
    let admission = match admit(own).await? {
        Admission::OfAnotherScope if own != Scope::Page => admit(Scope::Page).await?,
        admission => admission,
    };
    match admission {
        Admission::Opens => Ok(()),
        Admission::OfAnotherScope if sender.is_in_path() => Err(ApiError::forbidden(
            "only a key of the scope page may be part of a path",
        )),
        Admission::OfAnotherScope => Err(ApiError::forbidden(
            "the key has another scope than track and page",
        )),
        Admission::Unknown => Err(ApiError::unauthorized("unknown key")),
    }
}

fn refuse(error: BodyError) -> ApiError {
    let status = match error {
        BodyError::ExpandsTooFar | BodyError::TooManyEvents | BodyError::SharedTooLarge { .. } => {
            return payload_too_large(error.to_string());
        }
        // JSON is UTF-8 (RFC 8259, section 8.1): text in another encoding is malformed JSON, not an unsupported media type.
        BodyError::Form(ByteForm::Utf16 | ByteForm::Utf32)
        | BodyError::Empty
        | BodyError::NotGzip
        | BodyError::NotJson { .. }
        | BodyError::InvalidEvent { .. } => StatusCode::BAD_REQUEST,
        BodyError::UnknownEncoding | BodyError::Form(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
    };
    let item = ErrorItem::new("invalid events").description(error.to_string());
    ApiError::new(status, item)
}

fn refuse_body(rejection: BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        payload_too_large("the body is larger than the limit of this endpoint")
    } else {
        // The body was truncated in transfer, which the sender should retry.
        ApiError::unavailable(RETRY_AFTER_SECONDS, rejection)
    }
}

fn payload_too_large(description: impl Into<Cow<'static, str>>) -> ApiError {
    let item = ErrorItem::new("body too large").description(description);
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, item)
}
