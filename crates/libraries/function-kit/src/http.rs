//! The one form of an HTTP error, which is `SparkPost`'s: `{"errors":[{"message","description"?,"code"?,"param"?}]}`.

use std::{borrow::Cow, error::Error};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tracing::{error, info, warn};

use crate::{BoxError, chain};

/// An error response. Converting it into a response logs it; nothing else does.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    errors: Vec<ErrorItem>,
    retry_after_seconds: Option<u32>,
    allow: Option<&'static str>,
    challenge: Option<&'static str>,
    cause: Option<BoxError>,
    is_summarised: bool,
}

/// The authentication schemes that a caller without a key may use
/// (<https://www.rfc-editor.org/rfc/rfc9110#name-www-authenticate>). `Bearer` comes first: with `Basic` alone a browser would open a
/// password dialog.
pub const CHALLENGE: &str = r#"Bearer realm="cistern", Basic realm="cistern""#;

/// One error of a request. All of it is public: internal details belong into the cause.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ErrorItem {
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<Cow<'static, str>>,
}

impl ErrorItem {
    /// An error with its message, which is the same for every request that fails in this way.
    pub fn new(message: &'static str) -> Self {
        Self {
            message,
            description: None,
            code: None,
            param: None,
        }
    }

    /// Adds the details of this request. They may quote the request, and are never logged.
    #[must_use]
    pub fn description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Adds the code that programs match on.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds the name of the parameter at fault.
    #[must_use]
    pub fn param(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.param = Some(param.into());
        self
    }
}

impl ApiError {
    /// An error with one item.
    pub fn new(status: StatusCode, item: ErrorItem) -> Self {
        Self::many(status, vec![item])
    }

    /// An error with several items, such as one for each wrong parameter.
    pub fn many(status: StatusCode, errors: Vec<ErrorItem>) -> Self {
        Self {
            status,
            errors,
            retry_after_seconds: None,
            allow: None,
            challenge: None,
            cause: None,
            is_summarised: false,
        }
    }

    /// 500; the cause is logged and not part of the response.
    pub fn internal(cause: impl Into<BoxError>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorItem::new("internal error"),
        )
        .caused_by(cause)
    }

    /// 503 with `Retry-After`: a dependency is temporarily unavailable.
    pub fn unavailable(retry_after_seconds: u32, cause: impl Into<BoxError>) -> Self {
        let item = ErrorItem::new("temporarily unavailable").description("try again later");
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, item).caused_by(cause);
        error.retry_after_seconds = Some(retry_after_seconds);
        error
    }

    /// 404 for a path that does not exist.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorItem::new("resource not found"))
    }

    /// 405 with the methods that the path allows, such as `GET, HEAD`.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let mut error = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            ErrorItem::new("method not allowed"),
        );
        error.allow = Some(allow);
        error
    }

    /// 401 with a challenge: the key is missing or unknown, so another key may help.
    pub fn unauthorized(description: &'static str) -> Self {
        let item = ErrorItem::new("unauthorized").description(description);
        let mut error = Self::new(StatusCode::UNAUTHORIZED, item);
        error.challenge = Some(CHALLENGE);
        error
    }

    /// 403: the caller is known or its network is not allowed, so another key of the same kind does not help.
    pub fn forbidden(description: &'static str) -> Self {
        let item = ErrorItem::new("forbidden").description(description);
        Self::new(StatusCode::FORBIDDEN, item)
    }

    /// Adds the cause, which is only logged.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<BoxError>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Repeats the first error as `code` and `message` beside `errors`, where the libraries of trackers look for it. Some libraries regard
    /// a refusal without them as a broken connection, and retry.
    #[must_use]
    pub fn summarised(mut self) -> Self {
        self.is_summarised = true;
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    fn log(&self) {
        let status = self.status.as_u16();
        let reason = self.errors.first().map_or("", |item| item.message);
        let cause = self
            .cause
            .as_deref()
            .map(|cause| chain(cause as &dyn Error).to_string());
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            warn!(status, reason, error = cause, "service unavailable");
        } else if self.status.is_server_error() {
            error!(status, reason, error = cause, "request failed");
        } else if matches!(
            self.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            // The authorizer logs the same message, which an alarm counts.
            info!(status, reason, error = cause, "request denied");
        } else {
            info!(status, reason, error = cause, "request refused");
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            errors: Vec<ErrorItem>,
            #[serde(skip_serializing_if = "Option::is_none")]
            code: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            message: Option<Cow<'static, str>>,
        }

        self.log();
        let summary = self.errors.first().filter(|_| self.is_summarised);
        let body = Body {
            code: summary.map(|item| item.message),
            message: summary.map(|item| {
                let description = item.description.clone();
                description.unwrap_or(Cow::Borrowed(item.message))
            }),
            errors: self.errors,
        };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        for (name, value) in [
            (header::ALLOW, self.allow),
            (header::WWW_AUTHENTICATE, self.challenge),
        ] {
            if let Some(value) = value {
                response
                    .headers_mut()
                    .insert(name, HeaderValue::from_static(value));
            }
        }
        response
    }
}

#[cfg(test)]
mod tests;
