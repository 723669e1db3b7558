//! The body of a request, and what a caller is told whose body cannot be read.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::StatusCode,
};
use function_kit::{ApiError, http::ErrorItem};

/// All of a body. Bodies may be 2 MB long, which is axum's limit.
pub(crate) struct WholeBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for WholeBody {
    type Rejection = ApiError;

    /// axum's own refusals are plain texts, unlike all other errors.
    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(rejection) => Err(refused(rejection)),
        }
    }
}

fn refused(rejection: BytesRejection) -> ApiError {
    let status = rejection.status();
    let item = if status == StatusCode::PAYLOAD_TOO_LARGE {
        ErrorItem::new("body too long").description("a body may be 2 MB long; ask for less at once")
    } else {
        ErrorItem::new("the body cannot be read")
    };
    ApiError::new(status, item).caused_by(rejection)
}
