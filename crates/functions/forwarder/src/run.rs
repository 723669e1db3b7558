//! The inputs of one run.

use std::time::Duration;

use aws_io::{S3Client, SqsClient};
use erasure::Tombstones;
use event_mapping::Mapper;
use function_kit::metrics::Metrics;
use time::OffsetDateTime;

use crate::{destination::Destination, resolution::UnknownUsers, visibility::VisibilityBackoff};

/// The inputs of a run.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The client for rejections and the archive.
    pub s3: &'a S3Client,
    /// The client of the queue.
    pub sqs: &'a SqsClient,
    /// Bucket of the archive.
    pub bucket: &'a str,
    /// URL of the queue.
    pub queue_url: &'a str,
    /// The erased people, whose events are neither archived nor sent.
    pub erased: &'a Tombstones,
    /// The destination.
    pub destination: &'a dyn Destination,
    /// The mapping.
    pub mapper: &'a Mapper,
    /// The run's settings.
    pub settings: &'a RunSettings,
    /// Where metrics are written.
    pub metrics: &'a Metrics,
    /// The current time.
    pub clock: fn() -> OffsetDateTime,
    /// Prefix of the names of the run's objects: letters, digits, `.`, `_`, `-`; unique to the run.
    pub run_id: &'a str,
    /// Seed of the random part of waits.
    pub seed: u64,
}

/// The settings of a run.
#[derive(Clone, Copy, Debug)]
pub struct RunSettings {
    /// The oldest that an event may be sent at; `None` for any age.
    pub max_event_age: Option<Duration>,
    /// The policy for events whose user the destination does not know.
    pub unknown_users: UnknownUsers,
    /// How long an event may wait for its user, from the time its message was sent.
    pub unknown_user_retry_for: Duration,
    /// The timeout of a request.
    pub request_timeout: Duration,
    /// The visibility timeouts of released messages.
    pub visibility: VisibilityBackoff,
}

pub(crate) fn unix_ms(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
