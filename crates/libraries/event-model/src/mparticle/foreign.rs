//! Recognises bodies that are not batches, so that the rejection shows which sender to check.

use super::Field;

/// The envelopes of other senders, each recognised by a combination of keys.
const ENVELOPES: [(&[&str], &str); 13] = [
    (
        &["msys"],
        "an event of SparkPost's, whose webhook has another path",
    ),
    (&["logEvents"], "a batch of CloudWatch Logs"),
    (
        &["Records"],
        "a notification of S3 or a batch of SQS, SNS or Kinesis",
    ),
    (&["detail-type", "detail"], "an event of EventBridge"),
    (&["Type", "TopicArn"], "a notification of SNS"),
    (
        &["client_id", "events"],
        "a request of Google Analytics' Measurement Protocol",
    ),
    (
        &["app_instance_id", "events"],
        "a request of Google Analytics' Measurement Protocol",
    ),
    (&["api_key", "events"], "a request to Amplitude"),
    (&["api_key", "batch"], "a batch of PostHog's"),
    (&["batch"], "a batch of Segment's or RudderStack's"),
    (
        &["messageId", "type"],
        "an event of Segment's or RudderStack's",
    ),
    (&["schema", "data"], "a payload of Snowplow's"),
    (&["events"], "a list of events of another sender"),
];

/// The sender of a piece of JSON, if recognised.
pub(super) fn envelope(json: &str) -> Option<&'static str> {
    let object: Field<'_> = serde_json::from_str(json).ok()?;
    let entries = object.entries().ok()?;
    let has = |key: &&str| entries.iter().any(|(name, _)| name == key);
    ENVELOPES
        .iter()
        .find(|(keys, _)| keys.iter().all(has))
        .map(|(_, what)| *what)
}
