//! Rejected lines: `rejected/<pipeline>/dt=YYYY-MM-DD/<name>.ndjson`.
//!
//! For items that cannot be stored with their data, such as an object that is not gzip. A function stores a rejected
//! event of a readable object itself, with its bytes.

use std::time::Duration;

use aws_io::{
    S3Client,
    s3::{NewObject, ObjectRef, PutError, PutOutcome, put_new},
};
use event_model::{Pipeline, rejected::RejectedLine};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// Writes `line` within `limit`. The key is made of the source and the reason, so the same rejection on the same day is one
/// object however often it happens.
///
/// # Errors
/// When S3 did not confirm the object in time.
pub async fn write_rejected(
    client: &S3Client,
    bucket: &str,
    pipeline: Pipeline,
    line: &RejectedLine<'_>,
    now: OffsetDateTime,
    limit: Duration,
) -> Result<PutOutcome, PutError> {
    let mut body = Vec::new();
    line.append_to(&mut body);
    let object = NewObject {
        name: ObjectRef {
            bucket: bucket.to_owned(),
            key: key(pipeline, line, now),
        },
        body: body.into(),
        content_type: "application/x-ndjson",
        metadata: Vec::new(),
    };
    put_new(client, &object, limit).await
}

fn key(pipeline: Pipeline, line: &RejectedLine<'_>, now: OffsetDateTime) -> String {
    let mut hash = Sha256::new();
    hash.update(line.source_key.unwrap_or_default());
    hash.update([0]);
    hash.update(line.reason);
    let ordinal = line.ordinal.map(u32::try_from).and_then(Result::ok);
    hash.update(ordinal.unwrap_or(u32::MAX).to_be_bytes());
    let name = hex::encode(hash.finalize());
    format!(
        "{}dt={}/{}.ndjson",
        pipeline.rejected_prefix(),
        now.to_utc().date(),
        name.get(..32).unwrap_or(&name)
    )
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const LINE: RejectedLine<'_> = RejectedLine {
        reason: "not_gzip",
        detail: "invalid gzip header",
        source_key: Some("raw/sparkpost/dt=2026-01-01/x.json.gz"),
        message_id: None,
        ordinal: None,
        offset: None,
        length: None,
        item: None,
        item_base64: None,
    };

    #[test]
    fn key_is_the_same_for_the_same_rejection_and_names_day_and_pipeline() {
        let first = key(
            Pipeline::EmailEvents,
            &LINE,
            datetime!(2026-01-02 03:00 +05:00),
        );
        let again = key(
            Pipeline::EmailEvents,
            &LINE,
            datetime!(2026-01-01 23:59 UTC),
        );
        let other = key(
            Pipeline::EmailEvents,
            &RejectedLine {
                reason: "too_large",
                ..LINE
            },
            datetime!(2026-01-01 23:59 UTC),
        );

        assert!(
            first.starts_with("rejected/email_events/dt=2026-01-01/") && first.ends_with(".ndjson"),
            "{first}"
        );
        assert_eq!(first, again);
        assert_ne!(first, other);
    }
}
