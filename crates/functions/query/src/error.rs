//! Every way in which a search can fail, with its response.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use event_query::{ParamError, RenderError};
use event_store::{StoreError, Trouble};
use function_kit::{ApiError, http::ErrorItem};
use thiserror::Error;

/// Why a search failed.
#[derive(Debug, Error)]
pub(crate) enum SearchError {
    #[error("reading the parameters")]
    Parameter(#[from] ParamError),

    #[error("searching")]
    Store(#[from] StoreError),

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
            Self::Store(ref error) => match error.trouble() {
                // An unavailable database is not a slow one: "ask for less" would be the wrong advice.
                Trouble::Unavailable | Trouble::Contended | Trouble::Exhausted => {
                    ApiError::unavailable(RETRY_AFTER_SECONDS, self)
                }
                Trouble::TooSlow => too_slow().caused_by(self),
                // A retry does not help: somebody has to act.
                Trouble::Refused | Trouble::BadData | Trouble::Defect => ApiError::internal(self),
            },
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
