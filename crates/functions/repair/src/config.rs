//! Settings, and the dependencies made from them.

use aws_io::{Aws, S3Client, SqsClient};
use function_kit::{Env, EnvError};
use sender_recipes::SenderList;
use time::OffsetDateTime;

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bucket of the archive, of the rejected items, and of their marks.
    pub bucket: String,
    /// The queue of app events, in stacks that have one.
    pub forward_queue_url: Option<String>,
}

impl Config {
    /// Reads the settings.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            bucket: env.required("EVENTS_BUCKET", "the name of the events bucket")?,
            forward_queue_url: env.optional("FORWARD_QUEUE_URL")?,
        })
    }
}

/// Dependencies of every request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The settings.
    pub config: Config,
    /// Reads items, writes raw objects and marks.
    pub s3: S3Client,
    /// The senders of email events.
    pub senders: SenderList,
    /// Sends app events.
    pub sqs: SqsClient,
    /// The clock.
    pub clock: fn() -> OffsetDateTime,
}

impl Deps {
    /// Creates the clients. Sends no request.
    pub async fn connect(config: Config, clock: fn() -> OffsetDateTime) -> Self {
        let aws = Aws::from_env().await;
        Self {
            senders: SenderList::new(aws.s3(), config.bucket.clone()),
            config,
            s3: aws.s3(),
            sqs: aws.sqs(),
            clock,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_is_required_and_the_queue_is_not() {
        let config = Config::from_env(&Env::from_pairs([("EVENTS_BUCKET", "b")])).unwrap();
        let error = Config::from_env(&Env::from_pairs([("OTHER", "b")])).unwrap_err();

        assert_eq!(config.forward_queue_url, None);
        assert!(error.to_string().starts_with("EVENTS_BUCKET is not set"));
    }
}
