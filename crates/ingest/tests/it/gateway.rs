//! Requests in the form in which an HTTP API hands them to the function.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::door::Door;

fn event(body: &str, is_base64_encoded: bool) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "POST /webhooks/sparkpost",
        "rawPath": "/webhooks/sparkpost",
        "rawQueryString": "",
        "headers": {
            "content-type": "application/json",
            "host": "id.execute-api.us-east-1.amazonaws.com",
            "x-messagesystems-batch-id": "4d3c",
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "id",
            "domainName": "id.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "id",
            "http": {
                "method": "POST",
                "path": "/webhooks/sparkpost",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "SparkPost",
            },
            "requestId": "r",
            "routeKey": "POST /webhooks/sparkpost",
            "stage": "$default",
            "time": "01/Mar/2026:12:00:00 +0000",
            "timeEpoch": 1_772_366_400_000_u64,
        },
        "body": body,
        "isBase64Encoded": is_base64_encoded,
    })
}

#[tokio::test]
async fn text_and_base64_are_the_same_batch() {
    let door = Door::open().await;
    let forms = [
        event(r#"[{"msys":{}}]"#, false),
        event("W3sibXN5cyI6e319XQ==", true),
    ];

    let mut outcomes = Vec::new();
    for form in forms {
        let request = lambda_http::request::from_str(&form.to_string()).unwrap();
        let answer = door.send(request).await;
        assert_eq!(answer.status, StatusCode::OK);
        outcomes.push(answer.body["outcome"].clone());
    }

    assert_eq!(outcomes, ["stored", "duplicate"]);
    assert_eq!(door.archived().await, br#"[{"msys":{}}]"#);
}
