//! The route and its responses.

use aws_io::s3::PutOutcome;
use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, Path, State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use email_senders::SnsUrl;
use function_kit::{
    ApiError,
    gateway::Caller,
    http::ErrorItem,
    metrics::{Metric, Tally},
};
use serde::Serialize;
use tracing::{info, warn};

use crate::{
    Deps,
    body::{BodyForm, DecodedBody, ReceivedBatch, receive},
    caller,
    config::RETRY_AFTER_SECONDS,
    delivery::{Posting, Proven, prove},
    store::store,
};

/// The gateway's routes to this function.
pub const ROUTES: [&str; 2] = ["POST /webhooks/sparkpost", "POST /webhooks/{proxy+}"];

/// The function as an HTTP service.
pub fn router(deps: Deps) -> Router {
    let max_body_bytes = deps.config.max_body_bytes;
    Router::new()
        .route(
            "/webhooks/sparkpost",
            post(receive_batch).fallback(|| async { ApiError::method_not_allowed("POST") }),
        )
        .route(
            "/webhooks/{sender}",
            post(receive_delivery).fallback(|| async { ApiError::method_not_allowed("POST") }),
        )
        .fallback(|| async { ApiError::not_found() })
        .layer(DefaultBodyLimit::max(max_body_bytes))
        .with_state(deps)
}

/// The small body of a 200. It reports what happened and nothing about the events.
#[derive(Debug, Serialize)]
struct Receipt {
    /// None of a request that has no events.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<String>,
    outcome: &'static str,
}

async fn receive_batch(
    State(deps): State<Deps>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let mut tally = Tally::default();
    tally.add(Metric::BatchesReceived, 1);

    let source_ip = caller.map(|Extension(caller)| caller.source_ip);
    let allowed = caller::check(&deps, source_ip.as_deref().unwrap_or_default(), &headers).await;
    let acknowledged = match allowed {
        Ok(()) => acknowledge(&deps, &headers, body, &mut tally).await,
        Err(error) => Err(error),
    };
    answer(&deps, acknowledged, tally)
}

/// Another sender than SparkPost.
async fn receive_delivery(
    State(deps): State<Deps>,
    Path(sender): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let known = match deps.senders.named(&sender).await {
        Ok(known) => known,
        Err(error) => return ApiError::unavailable(RETRY_AFTER_SECONDS, error).into_response(),
    };
    let Some(posting) = known.and_then(Posting::of) else {
        return ApiError::not_found().into_response();
    };
    let mut tally = Tally::default();
    tally.add(Metric::BatchesReceived, 1);
    let acknowledged = async {
        let body = count_body(body, &mut tally)?;
        let body = DecodedBody::of(&headers, body).map_err(|_| expands_too_far())?;
        match prove(&deps, &posting, &headers, body, &mut tally).await? {
            Proven::Delivery(delivery) => store_batch(&deps, delivery, &mut tally).await,
            Proven::Confirmation(url) => confirm(&deps, &posting, &url).await,
            Proven::Cancellation => Ok(note_cancellation(&posting)),
        }
    };
    let acknowledged = acknowledged.await;
    answer(&deps, acknowledged, tally)
}

fn answer(deps: &Deps, acknowledged: Result<Receipt, ApiError>, mut tally: Tally) -> Response {
    let answer = match acknowledged {
        Ok(receipt) => Json(receipt).into_response(),
        Err(error) => {
            tally.add(Metric::BatchesRefused, 1);
            error.into_response()
        }
    };

    deps.metrics.emit(&tally, (deps.clock)().into());
    answer
}

async fn acknowledge(
    deps: &Deps,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    tally: &mut Tally,
) -> Result<Receipt, ApiError> {
    let body = count_body(body, tally)?;
    let batch = receive(headers, body).map_err(|_| expands_too_far())?;
    store_batch(deps, batch, tally).await
}

async fn store_batch(
    deps: &Deps,
    batch: ReceivedBatch,
    tally: &mut Tally,
) -> Result<Receipt, ApiError> {
    let key = batch.key.to_string();
    let (form, body_bytes) = (batch.form, batch.body_bytes);
    if form == BodyForm::Undecodable {
        warn!(
            batch.key = key,
            body_bytes, "body cannot be decoded and is stored as it came"
        );
    }

    let stored = store(deps, batch, (deps.clock)()).await;
    let outcome = match stored.map_err(|error| ApiError::unavailable(RETRY_AFTER_SECONDS, error))? {
        PutOutcome::Created => {
            tally.add(Metric::BatchesStored, 1);
            "stored"
        }
        PutOutcome::AlreadyThere => {
            tally.add(Metric::BatchesDuplicate, 1);
            "duplicate"
        }
    };
    info!(
        batch.key = key,
        body_bytes,
        body.form = form.as_str(),
        outcome,
        "batch acknowledged"
    );
    Ok(Receipt {
        batch: Some(key),
        outcome,
    })
}

/// Says to a provider that its events are wanted. If that fails, it asks again.
async fn confirm(
    deps: &Deps,
    Posting { sender, .. }: &Posting,
    url: &SnsUrl,
) -> Result<Receipt, ApiError> {
    let confirmed = deps.sns.confirm(url).await;
    confirmed.map_err(|error| ApiError::unavailable(RETRY_AFTER_SECONDS, error))?;
    info!(sender = sender.name(), "subscription confirmed");
    Ok(Receipt {
        batch: None,
        outcome: "confirmed",
    })
}

fn note_cancellation(Posting { sender, .. }: &Posting) -> Receipt {
    warn!(
        sender = sender.name(),
        "subscription was removed: no more events come until the address is subscribed again"
    );
    Receipt {
        batch: None,
        outcome: "cancelled",
    }
}

fn count_body(body: Result<Bytes, BytesRejection>, tally: &mut Tally) -> Result<Bytes, ApiError> {
    let body = body.map_err(refuse_body)?;
    tally.add(
        Metric::ReceivedBytes,
        u64::try_from(body.len()).unwrap_or(u64::MAX),
    );
    Ok(body)
}

fn expands_too_far() -> ApiError {
    too_large("the body expands to more than 32 MiB")
}

fn refuse_body(rejection: BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        too_large("the body is larger than this endpoint takes")
    } else {
        // The body was truncated in transfer: there is nothing to store, and the sender should retry.
        ApiError::unavailable(RETRY_AFTER_SECONDS, rejection)
    }
}

fn too_large(description: &'static str) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        ErrorItem::new("body too large").description(description),
    )
}
