//! Requests in the form of the libraries of Segment, RudderStack and PostHog.

use aws_io::gzip;
use axum::{body::Body, http::StatusCode};
use serde_json::{Value, json};

use crate::{
    firehose::Firehose,
    rig::{KEY, PAGE_KEY, Rig, request_to},
};

// the key:
const BASIC: (&str, &str) = ("authorization", "Basic dGhlIGtleTo=");

async fn post(
    rig: &Rig,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> (u16, Value) {
    let answer = rig.send(request_to(path, "POST", headers, body)).await;
    let body = serde_json::from_str(&answer.body).unwrap_or_default();
    (answer.status.as_u16(), body)
}

#[tokio::test]
async fn a_batch_becomes_its_events_with_the_members_of_the_batch_and_without_the_key() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;
    let body = json!({
        "batch": [
            { "type": "track", "event": "Bought", "userId": "u", "messageId": "m-1", "timestamp": "2026-02-28T10:00:00Z" },
            { "type": "page", "name": "Home", "messageId": "m-2", "context": { "own": true } },
        ],
        "context": { "ip": "192.0.2.1" }, "sentAt": "2026-03-01T11:59:59Z", "writeKey": "the key", "messageId": "batch-1",
    });

    let (status, answer) = post(&rig, "/v1/batch", &[BASIC], body.to_string()).await;

    assert_eq!((status, &answer["success"]), (200, &json!(true)));
    assert_eq!(firehose.taken().len(), 1);
    assert_eq!(
        firehose.events(),
        [
            json!({
                "receivedAt": "2026-03-01T12:00:00.000Z", "type": "track", "event": "Bought", "userId": "u", "messageId": "m-1",
                "timestamp": "2026-02-28T10:00:00Z", "context": { "ip": "192.0.2.1" }, "sentAt": "2026-03-01T11:59:59Z",
                "batch_messageId": "batch-1",
            }),
            json!({
                "receivedAt": "2026-03-01T12:00:00.000Z", "event": "page", "type": "page", "name": "Home", "messageId": "m-2",
                "context": { "own": true }, "sentAt": "2026-03-01T11:59:59Z", "batch_messageId": "batch-1",
            }),
        ]
    );
}

#[tokio::test]
async fn a_single_call_gets_its_type_from_its_path() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;

    for (path, body) in [
        (
            "/v1/page",
            r#"{"name":"Home","messageId":"m","writeKey":"k"}"#,
        ),
        (
            "/v1/track",
            r#"{"event":"Bought","type":"track","messageId":"m"}"#,
        ),
    ] {
        assert_eq!(post(&rig, path, &[BASIC], body).await.0, 200);
    }

    let received = "2026-03-01T12:00:00.000Z";
    assert_eq!(
        firehose.events(),
        [
            json!({ "receivedAt": received, "event": "page", "name": "Home", "messageId": "m", "type": "page" }),
            json!({ "receivedAt": received, "event": "Bought", "type": "track", "messageId": "m" }),
        ]
    );
}

#[tokio::test]
async fn posthog_sends_its_key_in_the_body_plain_or_gzip_and_it_is_stored_nowhere() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;
    let event = json!({ "event": "a", "uuid": "u-1", "distinct_id": "d", "properties": { "token": PAGE_KEY } });
    let single = json!({ "api_key": PAGE_KEY, "event": "a", "uuid": "u-1" }).to_string();
    let batch = json!({ "api_key": PAGE_KEY, "sent_at": "s", "historical_migration": false, "batch": [event] });
    let list = json!([event, event]).to_string();

    for (path, body) in [
        ("/batch", batch.to_string().into_bytes()),
        ("/batch", gzip::encode(batch.to_string().as_bytes())),
        ("/capture", single.clone().into_bytes()),
        ("/e", single.into_bytes()),
        ("/i/v0/e", list.into_bytes()),
    ] {
        // No header says that it is gzip.
        let (status, answer) = post(&rig, path, &[("content-type", "text/plain")], body).await;
        assert_eq!((status, &answer["status"]), (200, &json!(1)), "{path}");
    }

    let events = firehose.events();
    assert_eq!(events.len(), 6);
    for event in events {
        assert_eq!(
            (&event["uuid"], &event["eventId"]),
            (&json!("u-1"), &Value::Null)
        );
        assert!(!event.to_string().contains(PAGE_KEY), "{event}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_401_in_the_form_of_the_libraries_and_nothing_is_stored() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;

    for (path, headers, body) in [
        (
            "/v1/batch",
            &[("authorization", "Basic eDo=")][..],
            r#"{"batch":[{"a":1}]}"#,
        ),
        // A key in the body counts on PostHog's paths alone.
        (
            "/v1/batch",
            &[],
            r#"{"api_key":"the key","batch":[{"a":1}]}"#,
        ),
        ("/batch", &[], r#"{"api_key":"wrong","batch":[{"a":1}]}"#),
        ("/batch", &[], r#"{"batch":[{"a":1}]}"#),
        ("/batch", &[], "no JSON"),
    ] {
        let (status, answer) = post(&rig, path, headers, body).await;
        assert_eq!(status, 401, "{path} {body}");
        assert_eq!(answer["code"], "unauthorized");
        assert!(answer["message"].is_string() && answer["errors"][0]["message"].is_string());
    }
    assert!(firehose.calls().is_empty());
}

#[tokio::test]
async fn events_of_google_and_snowplow_are_extracted_from_their_envelopes() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;
    let google =
        r#"{"client_id":"c","user_id":"u","events":[{"name":"purchase","params":{"value":9}}]}"#;
    let snowplow = r#"{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":[{"e":"pv","eid":"x","dtm":"1772366400000"}]}"#;

    for body in [google, snowplow] {
        assert_eq!(
            post(&rig, "/track", &[KEY], body).await.0,
            StatusCode::NO_CONTENT
        );
    }

    let events = firehose.events();
    assert_eq!(
        (&events[0]["event"], &events[0]["user_id"]),
        (&json!("purchase"), &json!("u"))
    );
    assert!(events[0]["eventId"].is_string());
    assert_eq!(
        (&events[1]["event"], &events[1]["eventId"]),
        (&json!("pv"), &Value::Null)
    );
}
