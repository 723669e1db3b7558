//! The gateway, queue and CloudFormation envelopes in `events/envelopes` belong together: the same batch is posted,
//! stored and announced. These tests keep them consistent.

use std::collections::HashMap;
use std::io::Read as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use event_model::BatchKey;
use event_model::sparkpost::{Batch, parse_batch};
use flate2::read::GzDecoder;
use serde_json::Value;
use time::macros::date;

use crate::samples::{NOW, read_all, read_body};

fn read_envelope(name: &str) -> Value {
    let envelopes: HashMap<_, _> = read_all("envelopes").into_iter().collect();
    serde_json::from_slice(&envelopes[name]).unwrap()
}

fn keys(batch: &Batch<'_>) -> Vec<String> {
    batch
        .events
        .iter()
        .map(|event| format!("{} {}", event.timestamp, event.key))
        .collect()
}

#[test]
fn posted_body_is_the_bounce_sample() {
    let envelope = read_envelope("ingest-http-api");
    let posted = envelope["body"].as_str().unwrap();
    let sample = read_body("bounce");

    assert_eq!(envelope["isBase64Encoded"], false);
    assert_eq!(
        envelope["headers"]["content-length"],
        posted.len().to_string()
    );
    assert_eq!(
        keys(&parse_batch(posted.as_bytes(), NOW)),
        keys(&parse_batch(&sample, NOW))
    );
}

#[test]
fn posted_gzip_is_the_mixed_classes_sample() {
    let envelope = read_envelope("ingest-http-api-base64-gzip");
    let compressed = BASE64_STANDARD
        .decode(envelope["body"].as_str().unwrap())
        .unwrap();
    let mut posted = Vec::new();
    GzDecoder::new(compressed.as_slice())
        .read_to_end(&mut posted)
        .unwrap();
    let sample = read_body("quirk-mixed-classes");

    assert_eq!(envelope["isBase64Encoded"], true);
    assert_eq!(envelope["headers"]["content-encoding"], "gzip");
    assert_eq!(
        keys(&parse_batch(&posted, NOW)),
        keys(&parse_batch(&sample, NOW))
    );
}

#[test]
fn announced_object_is_where_the_posted_batch_is_stored() {
    let request = read_envelope("ingest-http-api");
    let batch_id = request["headers"]["x-messagesystems-batch-id"].as_str();
    let stored = BatchKey::new(batch_id, request["body"].as_str().unwrap().as_bytes());

    let queued = read_envelope("loader-sqs-s3-notification");
    let notification: Value =
        serde_json::from_str(queued["Records"][0]["body"].as_str().unwrap()).unwrap();
    let announced = notification["Records"][0]["s3"]["object"]["key"]
        .as_str()
        .unwrap()
        .replace("%3D", "=");

    assert_eq!(announced, stored.object_key(date!(2026 - 02 - 03)));
    assert_eq!(BatchKey::from_object_key(&announced).unwrap(), stored);
}
