//! Secrets, by version.

use std::time::Duration;

use aws_sdk_secretsmanager::{
    config::timeout::TimeoutConfig,
    error::SdkError,
    operation::{get_secret_value::GetSecretValueError, put_secret_value::PutSecretValueError},
};
use secrecy::{ExposeSecret, SecretString};

use crate::SecretsClient;

/// Which version of a secret
/// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionStage {
    /// The one in use.
    Current,
    /// The one in use before the last rotation. A secret that was never rotated has none.
    Previous,
}

impl VersionStage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Previous => "AWSPREVIOUS",
        }
    }
}

/// The secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager refused or could not be reached, or has no such secret.
    #[error("reading version {} of secret {id}", stage.as_str())]
    Service {
        /// The requested name or ARN.
        id: String,
        /// The requested version.
        stage: VersionStage,
        /// The SDK's error.
        source: Box<SdkError<GetSecretValueError>>,
    },
    /// The secret is binary.
    #[error("secret {id} is not text")]
    NotText {
        /// The requested name or ARN.
        id: String,
    },
}

/// The new version was not written.
#[derive(Debug, thiserror::Error)]
#[error("writing secret {id}")]
pub struct WriteError {
    /// The name or ARN.
    pub id: String,
    /// The SDK's error.
    source: Box<SdkError<PutSecretValueError>>,
}

/// Makes `secret` the current version within `limit`. The version that was current becomes the previous one; the
/// version before it can no longer be read by stage.
pub async fn write(
    client: &SecretsClient,
    id: &str,
    secret: &SecretString,
    limit: Duration,
) -> Result<(), WriteError> {
    let sent = client
        .put_secret_value()
        .secret_id(id)
        .secret_string(secret.expose_secret())
        .customize()
        .config_override(within(limit))
        .send()
        .await;
    match sent {
        Ok(_) => Ok(()),
        Err(error) => Err(WriteError {
            id: id.to_owned(),
            source: Box::new(error),
        }),
    }
}

/// Reads one version of a secret within `limit`. `None` if there is no previous version; a missing current one is an
/// error.
pub async fn read(
    client: &SecretsClient,
    id: &str,
    stage: VersionStage,
    limit: Duration,
) -> Result<Option<SecretString>, SecretError> {
    let sent = client
        .get_secret_value()
        .secret_id(id)
        .version_stage(stage.as_str())
        .customize()
        .config_override(within(limit))
        .send()
        .await;
    let output = match sent {
        Ok(output) => output,
        Err(error) => {
            let is_absent = error
                .as_service_error()
                .is_some_and(GetSecretValueError::is_resource_not_found_exception);
            if is_absent && stage == VersionStage::Previous {
                return Ok(None);
            }
            return Err(SecretError::Service {
                id: id.to_owned(),
                stage,
                source: Box::new(error),
            });
        }
    };
    let text = output
        .secret_string
        .ok_or_else(|| SecretError::NotText { id: id.to_owned() })?;
    Ok(Some(SecretString::from(text)))
}

fn within(limit: Duration) -> aws_sdk_secretsmanager::config::Builder {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(limit)
        .operation_attempt_timeout(limit / 2)
        .build();
    aws_sdk_secretsmanager::config::Builder::new().timeout_config(timeouts)
}
