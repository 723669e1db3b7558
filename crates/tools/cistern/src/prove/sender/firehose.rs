//! Puts objects into the bucket as a Firehose stream does that gets the events of Amazon SES.

use std::time::Duration;

use aws_io::{S3Client, gzip};
use time::{OffsetDateTime, macros::format_description};
use tokio::time::timeout;

/// The name of the stream, which stands in the names of its objects.
const STREAM: &str = "ses-events";

/// The key of an object: the prefix that docs/senders.md demands, and what Firehose adds to it
/// (<https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html>). The same records in another `copy` are another object.
pub(super) fn object_key(now: OffsetDateTime, seed: u64, batch: u64, copy: u64) -> String {
    let day = now.format(format_description!("[year]-[month]-[day]"));
    let second = now.format(format_description!(
        "[year]-[month]-[day]-[hour]-[minute]-[second]"
    ));
    let (day, second) = (day.unwrap_or_default(), second.unwrap_or_default());
    let suffix = format!("{seed:08x}-0000-4000-{copy:04x}-{batch:012x}");
    format!("raw/email/dt={day}/ses={STREAM}-1-{second}-{suffix}.json.gz")
}

/// The status of a PUT; none if there was no response in time.
pub(super) async fn put(
    s3: &S3Client,
    bucket: &str,
    key: &str,
    body: &[u8],
    limit: Duration,
) -> Option<u16> {
    let request = s3
        .put_object()
        .bucket(bucket)
        .key(key)
        .body(gzip::encode(body).into())
        .send();
    match timeout(limit, request).await {
        Ok(Ok(_)) => Some(200),
        Ok(Err(error)) => error
            .raw_response()
            .map(|response| response.status().as_u16()),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use event_model::BatchKey;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn keys_are_those_of_batches_of_ses() {
        let now = datetime!(2026-11-30 12:05 UTC);

        let key = object_key(now, 1, 7, 0);

        let batch = BatchKey::from_object_key(&key).unwrap();
        assert_eq!(batch.sender(), Some("ses"));
        assert_ne!(object_key(now, 1, 7, 1), key);
    }
}
