//! The route, and what it answers.

use aws_io::s3::PutOutcome;
use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
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
    body::{BodyForm, receive},
    caller,
    store::store,
};

/// For senders that heed it; SparkPost keeps to its own intervals.
pub(crate) const RETRY_AFTER_SECONDS: u32 = 30;

/// The gateway's routes that lead here.
pub const ROUTES: [&str; 2] = ["POST /webhooks/sparkpost", "POST /webhooks/{proxy+}"];

/// The function as an HTTP service.
pub fn router(deps: Deps) -> Router {
    let max_body_bytes = deps.config.max_body_bytes;
    Router::new()
        .route(
            "/webhooks/sparkpost",
            post(receive_batch).fallback(|| async { ApiError::method_not_allowed("POST") }),
        )
        .fallback(|| async { ApiError::not_found() })
        .layer(DefaultBodyLimit::max(max_body_bytes))
        .with_state(deps)
}

/// The small body of a 200. It says what happened and says nothing about the events.
#[derive(Debug, Serialize)]
struct Receipt {
    batch: String,
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
    let body = body.map_err(refuse_body)?;
    let body_bytes = body.len();
    tally.add(
        Metric::ReceivedBytes,
        u64::try_from(body_bytes).unwrap_or(u64::MAX),
    );

    let batch =
        receive(headers, body).map_err(|_| too_large("the body expands to more than 32 MiB"))?;
    let key = batch.key.to_string();
    let form = batch.form;
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
        batch: key,
        outcome,
    })
}

fn refuse_body(rejection: BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        too_large("the body is larger than this endpoint takes")
    } else {
        // The body did not come to its end: nothing to store, and not for the sender to blame itself.
        ApiError::unavailable(RETRY_AFTER_SECONDS, rejection)
    }
}

fn too_large(description: &'static str) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        ErrorItem::new("body too large").description(description),
    )
}
