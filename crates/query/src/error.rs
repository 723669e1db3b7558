//! Every way in which a search can fail, and what the caller is told about it.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use boot::{ApiError, http::ErrorItem};
use event_query::{ParamError, ShapeError};
use event_store::StoreError;
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
            // Out of reach is another trouble than slow, and "ask for less" would be the wrong advice.
            Self::Store(ref error) if error.is_transient() => {
                ApiError::unavailable(RETRY_AFTER_SECONDS, self)
            }
            Self::Store(ref error) if error.is_timeout() => too_slow().caused_by(self),
            Self::Store(_) | Self::Shape(_) => ApiError::internal(self),
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
