//! The route, and what it answers.

use std::{borrow::Cow, time::Duration};

use access_keys::{Admission, Scope, presented_key};
use aws_io::firehose::put_records;
use axum::{
    Router,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    routing::post,
};
use boot::{
    ApiError,
    http::ErrorItem,
    metrics::{Metric, Tally},
};
use bytes::Bytes;
use event_model::ByteForm;
use tower_http::cors::CorsLayer;

use crate::{
    Deps,
    body::{self, BodyError},
    event::Stamp,
    records,
};

/// For senders that heed it.
const RETRY_AFTER_SECONDS: u32 = 5;
/// How long a browser need not ask again.
const PREFLIGHT_AGE: Duration = Duration::from_hours(24);

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The gateway's routes that lead here: those of the HTTP API, and the only one of a Function URL.
pub const ROUTES: [&str; 3] = ["POST /track", "POST /track/{proxy+}", "$default"];

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
    Router::new()
        .route(
            "/track",
            post(track).fallback(|| async { ApiError::method_not_allowed("POST") }),
        )
        .fallback(|| async { ApiError::not_found() })
        .layer(DefaultBodyLimit::max(deps.config.max_body_bytes))
        .layer(cors)
        .with_state(deps)
}

async fn track(
    State(deps): State<Deps>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let taken = take(&deps, &headers, body).await;
    if taken.is_err() {
        let mut tally = Tally::default();
        tally.add(Metric::BatchesRefused, 1);
        deps.metrics.emit(&tally, (deps.clock)().into());
    }
    taken.map(|()| StatusCode::NO_CONTENT)
}

async fn take(
    deps: &Deps,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(), ApiError> {
    let now = (deps.clock)();
    let body = body.map_err(refuse_body)?;
    check_key(deps, headers, now.into()).await?;

    let body = body::expand(headers, body).map_err(refuse)?;
    let events = body::events(&body).map_err(refuse)?;
    let idempotency_key = headers.get(IDEMPOTENCY_KEY).map(HeaderValue::as_bytes);
    let stamp = Stamp::new(now, idempotency_key, &body, (deps.new_id)());
    let records = records::pack(&events, &stamp).map_err(|too_large| {
        let number = too_large.place + 1;
        payload_too_large(format!("event {number} has more than 1,000 KiB"))
    })?;

    let Deps {
        firehose, config, ..
    } = deps;
    put_records(firehose, &config.stream, records, config.put_deadline)
        .await
        .map_err(|error| ApiError::unavailable(RETRY_AFTER_SECONDS, error))
}

async fn check_key(
    deps: &Deps,
    headers: &HeaderMap,
    now: std::time::SystemTime,
) -> Result<(), ApiError> {
    let text = |name| headers.get(name)?.to_str().ok();
    let presented = match text(API_KEY) {
        Some(key) if !key.is_empty() => Some(key.into()),
        Some(_) | None => text(header::AUTHORIZATION).and_then(presented_key),
    };
    let Some(presented) = presented else {
        return Err(ApiError::unauthorized(
            "send the key as x-api-key or Authorization",
        ));
    };
    match deps.keys.admit(Scope::Track, &presented, now).await {
        Ok(Admission::Opens) => Ok(()),
        Ok(Admission::OfAnotherScope) => Err(ApiError::forbidden(
            "the key is one of another scope than track",
        )),
        Ok(Admission::Unknown) => Err(ApiError::unauthorized("the key is not known")),
        // Nobody is told to give up because we cannot know.
        Err(error) => Err(ApiError::unavailable(RETRY_AFTER_SECONDS, error)),
    }
}

fn refuse(error: BodyError) -> ApiError {
    let status = match error {
        BodyError::ExpandsTooFar | BodyError::TooManyEvents => {
            return payload_too_large(error.to_string());
        }
        // JSON is in UTF-8 (RFC 8259, section 8.1): other text is no JSON, and no encoding of it either.
        BodyError::Form(ByteForm::Utf16 | ByteForm::Utf32)
        | BodyError::Empty
        | BodyError::NotGzip
        | BodyError::NotJson { .. }
        | BodyError::NoEvent { .. } => StatusCode::BAD_REQUEST,
        BodyError::UnknownEncoding | BodyError::Form(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
    };
    let item = ErrorItem::new("invalid events").description(error.to_string());
    ApiError::new(status, item)
}

fn refuse_body(rejection: BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        payload_too_large("the body is larger than this endpoint takes")
    } else {
        // The body did not come to its end: nothing to take, and not for the sender to blame itself.
        ApiError::unavailable(RETRY_AFTER_SECONDS, rejection)
    }
}

fn payload_too_large(description: impl Into<Cow<'static, str>>) -> ApiError {
    let item = ErrorItem::new("body too large").description(description);
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, item)
}
