//! The dependencies of the function.

use std::time::Duration;

use aws_io::{
    Aws, S3Client, SecretsClient, SqsClient,
    secrets::{self, SecretError, VersionStage},
};
use erasure::TombstoneList;
use event_model::Pipeline;
use function_kit::metrics::Metrics;
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use time::OffsetDateTime;

use crate::{
    config::{Config, DestinationConfig},
    destination::{
        Destination, GenericHttp, Iterable, SigningSecret, SigningSecretError, http_client,
    },
};

const SECRET_LIMIT: Duration = Duration::from_secs(10);

/// Dependencies of every invocation.
#[derive(Debug)]
pub struct Deps {
    /// The settings.
    pub config: Config,
    /// The client of the queue.
    pub sqs: SqsClient,
    /// The client for the archive and rejections.
    pub s3: S3Client,
    /// The erased people.
    pub erased: TombstoneList,
    /// The client for the destination's key.
    pub secrets: SecretsClient,
    /// The client for the destination.
    pub http: Client,
    /// Writes metrics.
    pub metrics: Metrics,
    /// The clock.
    pub clock: fn() -> OffsetDateTime,
}

/// The secret of a destination: `{"api_key"}` for Iterable, `{"authorization", "signing_secret"}`, both optional, for
/// HTTP.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DestinationSecret {
    api_key: Option<String>,
    authorization: Option<String>,
    signing_secret: Option<String>,
}

/// Why there is no usable destination.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// The secret could not be read.
    #[error("reading the destination's key")]
    Secret(#[from] SecretError),
    /// The secret is not of the expected form. The parse error is left out, as it would show parts of it.
    #[error(
        "the destination's secret must be JSON: {{\"api_key\"}} for Iterable, {{\"authorization\", \"signing_secret\"}} for HTTP"
    )]
    SecretForm,
    /// The signing secret is invalid.
    #[error("the destination's signing_secret")]
    SigningSecret(#[from] SigningSecretError),
    /// The destination's URL cannot have a path.
    #[error("DESTINATION_URL")]
    Url(#[from] url::ParseError),
}

impl Deps {
    /// Creates the clients. Sends no request.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub async fn connect(
        config: Config,
        clock: fn() -> OffsetDateTime,
    ) -> Result<Self, reqwest::Error> {
        let aws = Aws::from_env().await;
        Ok(Self {
            metrics: Metrics::stdout(Pipeline::AppEvents, config.metrics_namespace.as_deref()),
            erased: TombstoneList::new(aws.s3(), config.bucket.clone()),
            config,
            sqs: aws.sqs(),
            s3: aws.s3(),
            secrets: aws.secrets(),
            http: http_client()?,
            clock,
        })
    }

    /// The destination with its current key. Read in every run, so that a new key is used immediately.
    ///
    /// # Errors
    /// When there is no key, or it is malformed.
    pub async fn destination(&self) -> Result<Box<dyn Destination>, DestinationError> {
        let secret = self.read_secret().await?;
        Ok(match &self.config.destination {
            DestinationConfig::Iterable { url, rates } => {
                let api_key = secret.api_key.ok_or(DestinationError::SecretForm)?;
                Box::new(Iterable::new(
                    self.http.clone(),
                    url,
                    api_key.into(),
                    *rates,
                )?)
            }
            DestinationConfig::Http {
                url,
                format,
                limits,
            } => {
                let signing_secret = secret
                    .signing_secret
                    .as_deref()
                    .map(SigningSecret::parse)
                    .transpose()?;
                let authorization = secret.authorization.map(SecretString::from);
                let endpoint =
                    GenericHttp::new(self.http.clone(), url.clone(), *format, *limits, self.clock);
                Box::new(
                    endpoint
                        .with_authorization(authorization)
                        .with_signing_secret(signing_secret),
                )
            }
        })
    }

    async fn read_secret(&self) -> Result<DestinationSecret, DestinationError> {
        let Some(arn) = &self.config.secret_arn else {
            return Ok(DestinationSecret::default());
        };
        let text = secrets::read(&self.secrets, arn, VersionStage::Current, SECRET_LIMIT).await?;
        let text = text.ok_or(DestinationError::SecretForm)?;
        serde_json::from_str(text.expose_secret()).map_err(|_| DestinationError::SecretForm)
    }
}
