//! Every way in which a search can fail, and what the caller is told about it.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use event_query::{ParamError, ShapeError};
use event_store::{StoreError, Trouble};
use function_kit::{ApiError, http::ErrorItem};
use thiserror::Error;

/// Why a search has no answer.
#[derive(Debug, Error)]
pub(crate) enum SearchError {
    #[error("reading the parameters")]
    Parameter(#[from] ParamError),

    #[error("searching")]
    Store(#[from] StoreError),

    #[error("writing the answer")]
    Shape(#[from] ShapeError),

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
            Self::Store(ref error) => match error.trouble() {
                // Out of reach is another trouble than slow, and "ask for less" would be the wrong advice.
                Trouble::Away | Trouble::Contended | Trouble::Exhausted => {
                    ApiError::unavailable(RETRY_AFTER_SECONDS, self)
                }
                Trouble::TooSlow => too_slow().caused_by(self),
                // Coming again does not help: somebody has to act.
                Trouble::Refused | Trouble::BadData | Trouble::Defect => ApiError::internal(self),
            },
            Self::Shape(_) => ApiError::internal(self),
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
