//! A bucket, and the function that works on it.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use eraser::{Config, Deps, handle};
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use function_kit::Env;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use test_bucket::Bucket;
use time::OffsetDateTime;

pub(crate) fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn expand(bytes: &[u8]) -> String {
    let mut text = String::new();
    match MultiGzDecoder::new(bytes).read_to_string(&mut text) {
        Ok(_) => text,
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

pub(crate) fn deps(bucket: &Bucket) -> Deps {
    deps_at(bucket, OffsetDateTime::now_utc)
}

pub(crate) fn deps_at(bucket: &Bucket, clock: fn() -> OffsetDateTime) -> Deps {
    let env = Env::from_pairs([
        ("EVENTS_BUCKET", bucket.name.as_str()),
        ("WAIT_SECONDS", "0"),
    ]);
    let config = Config::from_env(&env).unwrap();
    Deps::with(config, bucket.s3.clone(), clock).unwrap()
}

pub(crate) async fn invoke(deps: &Deps, event: Value, available: Duration) -> Option<Value> {
    let mut context = Context::default();
    let deadline = (SystemTime::now() + available).duration_since(SystemTime::UNIX_EPOCH);
    context.deadline = u64::try_from(deadline.unwrap().as_millis()).unwrap();
    handle(deps, LambdaEvent::new(event, context)).await.ok()
}

pub(crate) fn start(run: bool) -> Value {
    json!({"start": {"id": "e1", "addresses": ["jane@x.org"], "ids": ["u-1001"], "run": run}})
}

/// The same of a person with whom the items of others go that mention her.
pub(crate) fn start_deep(run: bool) -> Value {
    let mut event = start(run);
    event["start"]["deep"] = json!(true);
    event
}

/// Everything but what is kept of erasures, expanded.
pub(crate) async fn content(bucket: &Bucket) -> BTreeMap<String, String> {
    let mut objects: BTreeMap<String, Bytes> = bucket.objects("").await;
    objects.retain(|key, _| !key.starts_with("state/"));
    let expanded = objects.into_iter();
    expanded.map(|(key, bytes)| (key, expand(&bytes))).collect()
}

/// The signed receipt.
pub(crate) async fn receipt(bucket: &Bucket) -> Value {
    let receipt = bucket.object("state/erasures/e1/receipt.json").await;
    serde_json::from_slice(&receipt.expect("a receipt")).unwrap()
}
