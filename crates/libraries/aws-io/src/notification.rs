//! S3 event notifications in queue messages, decoded and encoded.
//!
//! Format: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>. `EventBridge` has another form of
//! them: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>. The rule's input transformer writes the first form; an
//! event that could not be delivered is in the dead-letter queue in its original form.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Deserializer};

use crate::s3::ObjectRef;

/// The content of a queue message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notification {
    /// S3's test event, sent once when the notification is configured.
    TestEvent,
    /// Objects were created. Empty for notifications of other events, such as deletions.
    Created(Vec<CreatedObject>),
}

/// An object that a notification names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedObject {
    /// Its name.
    pub name: ObjectRef,
    /// Its size as stored. Missing in an operator's replay.
    pub size_bytes: Option<u64>,
    /// Whether an operator's replay sent the notification ([`encode`]) and not S3.
    pub is_replay: bool,
}

/// The message is not an S3 notification.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// Not the JSON that S3 sends. Contains only the position, because the parser's error quotes the message.
    #[error("not an S3 event notification from line {line}, column {column}")]
    Json {
        /// From 1.
        line: usize,
        /// In bytes, from 1; 0 before the first.
        column: usize,
    },
    /// Neither records nor a test event.
    #[error("an S3 event notification without records")]
    Empty,
    /// A decoded key that is not UTF-8, which keys in S3 always are.
    #[error("an object key that is not UTF-8")]
    Key(#[from] std::str::Utf8Error),
}

/// Decodes the body of one queue message. Every record counts; versions are ignored, as objects are never overwritten.
pub fn decode(body: &str) -> Result<Notification, NotificationError> {
    let message: Message = serde_json::from_str(body).map_err(|error| NotificationError::Json {
        line: error.line(),
        column: error.column(),
    })?;
    if message.event.as_deref() == Some("s3:TestEvent") {
        return Ok(Notification::TestEvent);
    }
    if let (Some(kind), Some(detail)) = (message.detail_type, message.detail) {
        let created = (kind == "Object Created").then(|| detail.into_created());
        return Ok(Notification::Created(created.into_iter().collect()));
    }
    let created = message
        .records
        .ok_or(NotificationError::Empty)?
        .into_iter()
        .filter(|record| is_creation(&record.event_name))
        .map(|record| {
            Ok(CreatedObject {
                name: ObjectRef {
                    bucket: record.s3.bucket.name,
                    key: decode_key(&record.s3.object.key)?,
                },
                size_bytes: record.s3.object.size,
                is_replay: record.event_name == REPLAY,
            })
        })
        .collect::<Result<_, NotificationError>>()?;
    Ok(Notification::Created(created))
}

/// The event name of a replay, which S3 does not use.
const REPLAY: &str = "ObjectCreated:Replay";

/// The characters of a key that S3 does not encode. `%20` and `+` both stand for a space; every decoder reads `%20`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// A notification about `object` in S3's form, which causes it to be processed again.
pub fn encode(object: &ObjectRef) -> String {
    let key = utf8_percent_encode(&object.key, ENCODED).to_string();
    let record = serde_json::json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": REPLAY,
        "s3": { "bucket": { "name": object.bucket }, "object": { "key": key } },
    });
    serde_json::json!({ "Records": [record] }).to_string()
}

fn is_creation(event_name: &str) -> bool {
    // Records say `ObjectCreated:Put`; configurations, and some emulators, `s3:ObjectCreated:Put`.
    event_name
        .strip_prefix("s3:")
        .unwrap_or(event_name)
        .starts_with("ObjectCreated:")
}

/// Keys are form-encoded: a space is `+` and a plus sign `%2B`, so `+` is replaced before percent-decoding.
fn decode_key(encoded: &str) -> Result<String, std::str::Utf8Error> {
    let spaced = encoded.replace('+', " ");
    Ok(percent_decode_str(&spaced).decode_utf8()?.into_owned())
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "Event")]
    event: Option<String>,
    #[serde(rename = "Records")]
    records: Option<Vec<Record>>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    detail: Option<Entity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: String,
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Object,
}

impl Entity {
    /// `EventBridge` does not encode keys.
    fn into_created(self) -> CreatedObject {
        CreatedObject {
            name: ObjectRef {
                bucket: self.bucket.name,
                key: self.object.key,
            },
            size_bytes: self.object.size,
            is_replay: false,
        }
    }
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
    /// Only used to sort messages, so an invalid size is ignored.
    #[serde(default, deserialize_with = "size")]
    size: Option<u64>,
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(serde_json::Value::deserialize(deserializer)?.as_u64())
}

#[cfg(test)]
mod tests;
