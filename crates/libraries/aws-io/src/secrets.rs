//! Secrets, by version.

use std::time::Duration;

use aws_sdk_secretsmanager::{
    config::timeout::TimeoutConfig,
    error::SdkError,
    operation::{get_secret_value::GetSecretValueError, put_secret_value::PutSecretValueError},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

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

/// One version of a secret.
#[derive(Debug)]
pub struct SecretVersion {
    /// Its id, which no other version of the secret has.
    pub id: String,
    /// Its text.
    pub text: SecretString,
}

/// A new version was not written, or not on top of the one that it was made from.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Secrets Manager refused or could not be reached.
    #[error("writing secret {id}")]
    Service {
        /// The name or ARN.
        id: String,
        /// The SDK's error.
        source: Box<SdkError<PutSecretValueError>>,
    },
    /// Another writer has replaced the same version meanwhile, and nothing was written: read it and decide again.
    #[error("secret {id} was changed by another command at the same time")]
    Conflict {
        /// The name or ARN.
        id: String,
    },
    /// A writer that does not respect this function changed the secret at the same moment. What it wrote is the previous version now.
    #[error(
        "secret {id} was changed at the same moment by something else, whose change is in its previous version and not in the current one: \
         compare both, and store what is missing"
    )]
    Overwrote {
        /// The name or ARN.
        id: String,
    },
    /// The new version cannot be read back.
    #[error("reading back what was written")]
    Check(#[from] SecretError),
}

/// Makes `secret` the current version within `limit` for each call, if version `base` is still the current one, and returns its id. The
/// version `base` becomes the previous one; the version before it can no longer be read by stage.
///
/// Secrets Manager has no condition for that. But it stores no second text under one request token
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html>), and the token here follows from `base`: of two
/// writers that read the same version, one succeeds.
pub async fn write_after(
    client: &SecretsClient,
    id: &str,
    base: &str,
    secret: &SecretString,
    limit: Duration,
) -> Result<String, WriteError> {
    let conflict = || WriteError::Conflict { id: id.to_owned() };
    let version = |stage| read_version(client, id, stage, limit);
    let is_base =
        |version: Option<SecretVersion>| version.is_some_and(|version| version.id == base);
    if !is_base(version(VersionStage::Current).await?) {
        return Err(conflict());
    }
    let token = token_after(base);
    let sent = client
        .put_secret_value()
        .secret_id(id)
        .client_request_token(&token)
        .secret_string(secret.expose_secret())
        .customize()
        .config_override(within(limit))
        .send()
        .await;
    if let Err(error) = sent {
        let is_taken = error
            .as_service_error()
            .is_some_and(PutSecretValueError::is_resource_exists_exception);
        return Err(if is_taken {
            conflict()
        } else {
            WriteError::Service {
                id: id.to_owned(),
                source: Box::new(error),
            }
        });
    }
    match version(VersionStage::Current).await? {
        Some(current) if current.id == token => {
            if current.text.expose_secret() != secret.expose_secret() {
                return Err(conflict());
            }
            // The previous one tells only if nobody has written on top of it between the two readings.
            let is_after_base = is_base(version(VersionStage::Previous).await?);
            let current = version(VersionStage::Current).await?;
            if !is_after_base && current.is_some_and(|current| current.id == token) {
                return Err(WriteError::Overwrote { id: id.to_owned() });
            }
        }
        // Another one was written on top of it.
        Some(_) | None => {}
    }
    Ok(token)
}

/// The token becomes the id of the version: 32 to 64 characters.
fn token_after(base: &str) -> String {
    hex::encode(Sha256::digest(format!("after {base}")))
}

/// Reads the text of one version of a secret; see [`read_version`].
pub async fn read(
    client: &SecretsClient,
    id: &str,
    stage: VersionStage,
    limit: Duration,
) -> Result<Option<SecretString>, SecretError> {
    let version = read_version(client, id, stage, limit).await?;
    Ok(version.map(|version| version.text))
}

/// Reads one version of a secret within `limit`. `None` if there is no previous version; a missing current one is an
/// error.
pub async fn read_version(
    client: &SecretsClient,
    id: &str,
    stage: VersionStage,
    limit: Duration,
) -> Result<Option<SecretVersion>, SecretError> {
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
    Ok(Some(SecretVersion {
        id: output.version_id.unwrap_or_default(),
        text: SecretString::from(text),
    }))
}

fn within(limit: Duration) -> aws_sdk_secretsmanager::config::Builder {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(limit)
        .operation_attempt_timeout(limit / 2)
        .build();
    aws_sdk_secretsmanager::config::Builder::new().timeout_config(timeouts)
}
