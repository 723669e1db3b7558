//! Requests in the form in which an HTTP API hands them to the function.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::door::{Answer, Door};

const PLAIN: &str = include_str!("../../../../events/envelopes/ingest-http-api.json");
const BASE64_GZIP: &str =
    include_str!("../../../../events/envelopes/ingest-http-api-base64-gzip.json");

async fn send(door: &Door, envelope: &str) -> Answer {
    door.send(lambda_http::request::from_str(envelope).unwrap())
        .await
}

fn envelope(body: &str, is_base64_encoded: bool) -> String {
    let mut envelope: Value = serde_json::from_str(PLAIN).unwrap();
    envelope["body"] = json!(body);
    envelope["isBase64Encoded"] = json!(is_base64_encoded);
    envelope.to_string()
}

#[tokio::test]
async fn text_and_base64_are_the_same_batch() {
    let door = Door::open().await;

    let text = send(&door, &envelope(r#"[{"msys":{}}]"#, false)).await;
    let base64 = send(&door, &envelope("W3sibXN5cyI6e319XQ==", true)).await;

    assert_eq!(
        (text.status, &text.body["outcome"]),
        (StatusCode::OK, &json!("stored"))
    );
    assert_eq!(
        (base64.status, &base64.body["outcome"]),
        (StatusCode::OK, &json!("duplicate"))
    );
    assert_eq!(door.archived().await, br#"[{"msys":{}}]"#);
}

#[tokio::test]
async fn base64_around_gzip_is_undone() {
    let door = Door::open().await;

    let answer = send(&door, BASE64_GZIP).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert!(door.archived().await.starts_with(br#"[{"msys":"#));
}

#[tokio::test]
async fn batch_id_of_the_gateway_names_the_object() {
    let door = Door::open().await;

    let answer = send(&door, PLAIN).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert!(door.keys().await[0].contains("/2f6b0c9e-41d7-4a8e-9c35-7d1e80b4a6f2-"));
}
