//! Errors in parameters, worded so that the caller can fix them.

use std::borrow::Cow;

use thiserror::Error;

/// A parameter that is invalid or not supported. Becomes a 400 that names the parameter.
///
/// The message never repeats the value: it may be an address, and it may be long.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{param} {message}")]
pub struct ParamError {
    /// The name as the caller wrote it.
    pub param: Cow<'static, str>,
    /// The fault and the expected form, worded to follow the name: `must be …`.
    pub message: Cow<'static, str>,
}

impl ParamError {
    pub(crate) fn new(
        param: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            param: param.into(),
            message: message.into(),
        }
    }
}
