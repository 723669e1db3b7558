//! The errors of a search, with their responses.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use event_query::{ParamError, RenderError};
use event_store::{ErrorKind, StoreError};
use function_kit::{ApiError, http::ErrorItem};
use thiserror::Error;

use crate::rejected::ObjectsError;

/// Why a search failed.
#[derive(Debug, Error)]
pub(crate) enum SearchError {
    #[error("reading the parameters")]
    Parameter(#[from] ParamError),

    #[error("searching")]
    Store(#[from] StoreError),

    #[error("reading rejected items")]
    Objects(#[from] ObjectsError),

    #[error("rendering the response")]
    Render(#[from] RenderError),

    #[error("the request ran out of time")]
    Deadline,

    #[error("no event has this id")]
    NoSuchEvent,
}

const RETRY_AFTER_SECONDS: u32 = 5;

impl IntoResponse for SearchError {
    fn into_response(self) -> Response {
        match self {
            Self::Parameter(error) => invalid_parameter(error),
            Self::Deadline => too_slow(),
            Self::NoSuchEvent => ApiError::not_found(),
            Self::Store(ref error) => match error.kind() {
                // An unavailable database is not a slow one: advice to narrow the search would be wrong.
                ErrorKind::Unavailable | ErrorKind::Contended | ErrorKind::Exhausted => {
                    ApiError::unavailable(RETRY_AFTER_SECONDS, self)
                }
                ErrorKind::TooSlow => too_slow().caused_by(self),
                // A retry does not help: an operator has to act.
                ErrorKind::Refused | ErrorKind::BadData | ErrorKind::Defect => {
                    ApiError::internal(self)
                }
            },
            Self::Objects(ObjectsError::Get(ref error)) if error.is_refused() => {
                ApiError::internal(self)
            }
            Self::Objects(_) => ApiError::unavailable(RETRY_AFTER_SECONDS, self),
            Self::Render(_) => ApiError::internal(self),
        }
        .into_response()
    }
}

fn invalid_parameter(error: ParamError) -> ApiError {
    let item = ErrorItem::new("invalid parameter")
        .description(error.to_string())
        .param(error.param);
    ApiError::new(StatusCode::BAD_REQUEST, item)
}

fn too_slow() -> ApiError {
    let item = ErrorItem::new("the search took too long").description(
        "ask for a shorter range of time (from, to), narrow the search with more parameters, or lower per_page",
    );
    ApiError::new(StatusCode::GATEWAY_TIMEOUT, item)
}
