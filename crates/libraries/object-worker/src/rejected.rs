//! Rejected lines: `rejected/<pipeline>/dt=YYYY-MM-DD/<name>.ndjson`.
//!
//! For what cannot be kept next to its data, such as an object that is not gzip. A rejected event of an object that was read
//! is kept by the function, with its bytes.

use std::time::Duration;

use aws_io::{
    S3Client,
    s3::{NewObject, ObjectRef, PutError, PutOutcome, put_new},
};
use event_model::Pipeline;
use serde::Serialize;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// One line: what was rejected, its source, and the reason. A member without a value is left out.
#[derive(Clone, Debug, Serialize)]
pub struct RejectedLine<'a> {
    /// A short fixed code, such as `not_gzip`.
    pub reason: &'static str,
    /// The details, for a person.
    pub detail: &'a str,
    /// The key of the object it came from, or the id of the message when there is no object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_key: Option<&'a str>,
    /// The id of the message that it is part of, when the object has many messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<&'a str>,
    /// Its index in the source, from 0, when only a part of it is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<u32>,
    /// The item itself, when it is not kept elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<&'a str>,
}

impl RejectedLine<'_> {
    /// Appends the line and its line end.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, self)
            .expect("text fields are always JSON, and a vector accepts them");
        out.push(b'\n');
    }
}

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
    hash.update(line.ordinal.unwrap_or(u32::MAX).to_be_bytes());
    let name = hex::encode(hash.finalize());
    format!(
        "rejected/{}/dt={}/{}.ndjson",
        pipeline.name(),
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
        item: None,
    };

    #[test]
    fn members_without_a_value_are_left_out() {
        let mut lines = Vec::new();
        LINE.append_to(&mut lines);
        RejectedLine {
            message_id: Some("m"),
            ordinal: Some(3),
            item: Some("{}"),
            ..LINE
        }
        .append_to(&mut lines);

        assert_eq!(
            String::from_utf8(lines).unwrap(),
            concat!(
                r#"{"reason":"not_gzip","detail":"invalid gzip header","source_key":"raw/sparkpost/dt=2026-01-01/x.json.gz"}"#,
                "\n",
                r#"{"reason":"not_gzip","detail":"invalid gzip header","source_key":"raw/sparkpost/dt=2026-01-01/x.json.gz","message_id":"m","ordinal":3,"item":"{}"}"#,
                "\n",
            )
        );
    }

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
