//! Why a request was not carried out.

use aws_io::{
    queue::QueueError,
    s3::{GetError, PutError},
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use function_kit::{ApiError, http::ErrorItem};
use sender_recipes::{DeliveryError, ListError};

const RETRY_AFTER_SECONDS: u32 = 5;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RepairError {
    /// The caller's mistake, in words for the caller.
    #[error("reading the request")]
    Request {
        /// The member of the body, or the part of the path.
        param: &'static str,
        /// What would be right.
        description: String,
    },
    /// The item cannot be sent again, with the reason.
    #[error("the item cannot be sent again")]
    Impossible(String),
    #[error("reading what is to be sent again")]
    Get(#[from] GetError),
    #[error("writing to the bucket")]
    Put(#[from] PutError),
    #[error(transparent)]
    Senders(#[from] ListError),
    #[error("sending an app event again")]
    Send(#[from] QueueError),
}

impl RepairError {
    pub(crate) fn request(param: &'static str, description: impl Into<String>) -> Self {
        Self::Request {
            param,
            description: description.into(),
        }
    }
}

impl From<DeliveryError> for RepairError {
    fn from(error: DeliveryError) -> Self {
        match error {
            DeliveryError::List(error) => error.into(),
            DeliveryError::Unknown(unknown) => Self::Impossible(unknown.to_string()),
        }
    }
}

impl IntoResponse for RepairError {
    fn into_response(self) -> Response {
        match self {
            Self::Request { param, description } => {
                let item = ErrorItem::new("invalid request")
                    .description(description)
                    .param(param);
                ApiError::new(StatusCode::BAD_REQUEST, item)
            }
            Self::Impossible(problem) => ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                ErrorItem::new("cannot be sent again").description(problem),
            ),
            // Nothing is half done: asking again repeats what was done, and adds nothing to it.
            error @ (Self::Get(_) | Self::Put(_) | Self::Senders(_) | Self::Send(_)) => {
                ApiError::unavailable(RETRY_AFTER_SECONDS, error)
            }
        }
        .into_response()
    }
}
