//! The routes and their responses.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{MethodRouter, post},
};
use event_model::rejected::MarkStatus;
use function_kit::ApiError;
use tracing::info;

use crate::{
    Deps,
    answer::{Answer, Outcome},
    error::RepairError,
    marks::{Marked, mark},
    request::Request,
    retry::retry,
};

/// The gateway's route to this function, which asks for a key of the scope `repair`.
pub const ROUTES: [&str; 1] = ["POST /api/v1/rejected/{proxy+}"];

/// The function as an HTTP service.
pub fn router(deps: Deps) -> Router {
    let only_post = |method: MethodRouter<Deps>| {
        method.fallback(|| async { ApiError::method_not_allowed("POST") })
    };
    Router::new()
        .route(
            "/api/v1/rejected/retry",
            only_post(post(async |State(deps): State<Deps>, body: Bytes| {
                retry_items(&deps, None, &body).await
            })),
        )
        .route(
            "/api/v1/rejected/settle",
            only_post(post(async |State(deps): State<Deps>, body: Bytes| {
                settle_items(&deps, None, &body).await
            })),
        )
        .route(
            "/api/v1/rejected/{id}/retry",
            only_post(post(
                async |State(deps): State<Deps>, Path(id): Path<String>, body: Bytes| {
                    retry_items(&deps, Some(&id), &body).await
                },
            )),
        )
        .route(
            "/api/v1/rejected/{id}/settle",
            only_post(post(
                async |State(deps): State<Deps>, Path(id): Path<String>, body: Bytes| {
                    settle_items(&deps, Some(&id), &body).await
                },
            )),
        )
        .fallback(|| async { ApiError::not_found() })
        .with_state(deps)
}

/// Sends items again, and marks those that were sent. What cannot be sent is told for each item, or as the error of the only one.
async fn retry_items(deps: &Deps, id: Option<&str>, body: &[u8]) -> Result<Response, RepairError> {
    let request = Request::parse(id, body)?;
    let retried = retry(deps, &request).await;
    let (results, failure) = (retried.results, retried.failure);
    if !request.dry_run {
        let marked: Vec<Marked<'_>> = request
            .ids
            .iter()
            .zip(&results)
            .filter_map(|(id, result)| {
                let retried_as = result.as_ref()?.as_ref().ok()?;
                Some(Marked {
                    id,
                    status: MarkStatus::Retried,
                    retried_as: Some(retried_as),
                })
            })
            .collect();
        mark(deps, &marked, request.note.as_deref()).await?;
    }
    // Only after the others were marked.
    if let Some(failure) = failure {
        return Err(failure);
    }
    let outcomes: Vec<Outcome> = request
        .ids
        .iter()
        .zip(results)
        .filter_map(|(id, result)| {
            Some(match result? {
                Ok(retried_as) => Outcome::done(id, MarkStatus::Retried, Some(retried_as)),
                Err(problem) => Outcome::impossible(id, problem),
            })
        })
        .collect();
    if let (
        Some(_),
        [
            Outcome {
                problem: Some(problem),
                ..
            },
        ],
    ) = (id, outcomes.as_slice())
    {
        return Err(RepairError::Impossible(problem.clone()));
    }
    let answer = Answer::of(request.dry_run, outcomes);
    info!(
        dry_run = answer.dry_run,
        done = answer.done,
        impossible = answer.impossible,
        "rejected items retried"
    );
    Ok(Json(answer).into_response())
}

/// Marks items as settled. A note says why.
async fn settle_items(deps: &Deps, id: Option<&str>, body: &[u8]) -> Result<Response, RepairError> {
    let request = Request::parse(id, body)?;
    let Some(note) = &request.note else {
        return Err(RepairError::request(
            "note",
            "must say why nothing more is to be done about the items",
        ));
    };
    if !request.dry_run {
        let marked: Vec<Marked<'_>> = request
            .ids
            .iter()
            .map(|id| Marked {
                id,
                status: MarkStatus::Settled,
                retried_as: None,
            })
            .collect();
        mark(deps, &marked, Some(note)).await?;
    }
    let outcomes = request
        .ids
        .iter()
        .map(|id| Outcome::done(id, MarkStatus::Settled, None))
        .collect();
    let answer = Answer::of(request.dry_run, outcomes);
    info!(
        dry_run = answer.dry_run,
        done = answer.done,
        "rejected items settled"
    );
    Ok(Json(answer).into_response())
}
