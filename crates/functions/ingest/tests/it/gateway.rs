//! Requests in the form in which an HTTP API passes them to the function.

use serde_json::{Value, json};

use crate::{keys::KEY, rig::Rig};

const PLAIN: &str = include_str!("../../../../../events/envelopes/ingest-http-api.json");
const BASE64_GZIP: &str =
    include_str!("../../../../../events/envelopes/ingest-http-api-base64-gzip.json");

fn with_key(envelope: &str) -> Value {
    let mut envelope: Value = serde_json::from_str(envelope).unwrap();
    envelope["headers"]["authorization"] = json!(KEY);
    envelope
}

pub(crate) fn envelope(body: &str, is_base64_encoded: bool) -> Value {
    let mut envelope = with_key(PLAIN);
    envelope["body"] = json!(body);
    envelope["isBase64Encoded"] = json!(is_base64_encoded);
    envelope
}

fn outcome(answer: &Value) -> String {
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    body["outcome"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn text_and_base64_are_the_same_batch() {
    let rig = Rig::open().await;

    let text = rig.invoke(envelope(r#"[{"msys":{}}]"#, false)).await;
    let base64 = rig.invoke(envelope("W3sibXN5cyI6e319XQ==", true)).await;

    assert_eq!(outcome(&text), "stored");
    assert_eq!(outcome(&base64), "duplicate");
    assert_eq!(rig.archived().await, br#"[{"msys":{}}]"#);
}

#[tokio::test]
async fn base64_around_gzip_is_undone() {
    let rig = Rig::open().await;

    let answer = rig.invoke(with_key(BASE64_GZIP)).await;

    assert_eq!(answer["statusCode"], 200);
    assert!(rig.archived().await.starts_with(br#"[{"msys":"#));
}

#[tokio::test]
async fn batch_id_of_the_gateway_names_the_object() {
    let rig = Rig::open().await;

    let answer = rig.invoke(with_key(PLAIN)).await;

    assert_eq!(answer["statusCode"], 200);
    assert!(rig.keys().await[0].contains("/2f6b0c9e-41d7-4a8e-9c35-7d1e80b4a6f2-"));
}
