//! The SDK's configuration, read once, and the clients made from it.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, ConfigLoader, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_sdk_s3::config::Credentials;

/// The Athena client of the command line and the console.
#[cfg(feature = "athena")]
pub type AthenaClient = aws_sdk_athena::Client;
/// The client of CloudWatch Logs of the console.
#[cfg(feature = "logs")]
pub type LogsClient = aws_sdk_cloudwatchlogs::Client;
/// The S3 client of functions.
pub type S3Client = aws_sdk_s3::Client;
/// The Firehose client of functions.
pub type FirehoseClient = aws_sdk_firehose::Client;
/// The SQS client of functions.
pub type SqsClient = aws_sdk_sqs::Client;
/// The Lambda client of functions.
pub type LambdaClient = aws_sdk_lambda::Client;
/// The Secrets Manager client of functions.
pub type SecretsClient = aws_sdk_secretsmanager::Client;

/// Access key id and secret of the root user of a local stack's emulator, who has every permission. All others have the
/// permissions of their role.
pub const LOCAL_KEY: &str = "local";

/// The first attempt and two retries. The calls of this crate limit the time of all attempts together.
const MAX_ATTEMPTS: u32 = 3;
/// Shorter than the SDK's default of a second: the callers' limits are a few seconds.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// For calls that the limits of this crate do not cover.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);

/// Endpoint, region and credentials. A client that no program uses is not linked.
#[derive(Clone, Debug)]
pub struct Aws(SdkConfig);

impl Aws {
    /// The SDK's default chain: region, credentials and `AWS_ENDPOINT_URL` as in any AWS program.
    pub async fn from_env() -> Self {
        Self::load(aws_config::defaults(BehaviorVersion::latest())).await
    }

    /// An emulator at `endpoint_url`, such as `http://127.0.0.1:4566`, as the root of its account: with [`LOCAL_KEY`],
    /// which is not valid in AWS.
    pub async fn local(endpoint_url: &str) -> Self {
        let root = Credentials::new(LOCAL_KEY, LOCAL_KEY, None, None, "local stack");
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(endpoint_url)
            .region(Region::from_static("us-east-1"))
            .credentials_provider(root);
        Self::load(loader).await
    }

    async fn load(loader: ConfigLoader) -> Self {
        let retry = RetryConfig::standard()
            .with_max_attempts(MAX_ATTEMPTS)
            .with_initial_backoff(INITIAL_BACKOFF)
            .with_max_backoff(MAX_BACKOFF);
        let timeout = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        Self(
            loader
                .retry_config(retry)
                .timeout_config(timeout)
                .load()
                .await,
        )
    }

    /// S3; with an overridden endpoint, buckets are addressed by path, since a local host has no subdomains for them.
    pub fn s3(&self) -> S3Client {
        let config = aws_sdk_s3::config::Builder::from(&self.0)
            .force_path_style(self.0.endpoint_url().is_some())
            .build();
        S3Client::from_conf(config)
    }

    /// Athena.
    #[cfg(feature = "athena")]
    pub fn athena(&self) -> AthenaClient {
        AthenaClient::new(&self.0)
    }

    /// CloudWatch Logs.
    #[cfg(feature = "logs")]
    pub fn logs(&self) -> LogsClient {
        LogsClient::new(&self.0)
    }

    /// Firehose.
    pub fn firehose(&self) -> FirehoseClient {
        FirehoseClient::new(&self.0)
    }

    /// SQS.
    pub fn sqs(&self) -> SqsClient {
        SqsClient::new(&self.0)
    }

    /// Lambda.
    pub fn lambda(&self) -> LambdaClient {
        LambdaClient::new(&self.0)
    }

    /// Secrets Manager.
    pub fn secrets(&self) -> SecretsClient {
        SecretsClient::new(&self.0)
    }
}
