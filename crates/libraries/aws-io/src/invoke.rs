//! Invocations of other functions.

use std::time::Duration;

use aws_sdk_lambda::{
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::SdkError,
    operation::invoke::InvokeError as ServiceError,
    primitives::Blob,
};
use serde_json::Value;

use crate::LambdaClient;

/// A function could not be invoked, or failed.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// Lambda refused or could not be reached.
    #[error("invoking function {name}")]
    Service {
        /// The function's name.
        name: String,
        /// The SDK's error.
        source: Box<SdkError<ServiceError>>,
    },
    /// It ran and ended with an error, which is in its log.
    #[error("function {name} failed")]
    Failed {
        /// The function's name.
        name: String,
    },
}

/// Invokes a function once, without retries, and waits for its end, up to `limit`.
///
/// # Errors
/// Lambda did not run the function, or the function failed.
pub async fn invoke(
    client: &LambdaClient,
    name: &str,
    event: &Value,
    limit: Duration,
) -> Result<(), InvokeError> {
    let once = aws_sdk_lambda::config::Builder::new()
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .operation_timeout(limit)
                .operation_attempt_timeout(limit)
                .build(),
        );
    let output = client
        .invoke()
        .function_name(name)
        .payload(Blob::new(event.to_string()))
        .customize()
        .config_override(once)
        .send()
        .await
        .map_err(|error| InvokeError::Service {
            name: name.to_owned(),
            source: Box::new(error),
        })?;
    match output.function_error {
        None => Ok(()),
        Some(_) => Err(InvokeError::Failed {
            name: name.to_owned(),
        }),
    }
}
