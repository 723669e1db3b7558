//! Items that are sent again.

use aws_io::gzip;
use axum::http::StatusCode;
use event_model::rejected::MarkStatus;
use serde_json::{Value, json};

use crate::rig::Rig;

const BATCH: &str = "b1-4f53cda18c2baa0c";

fn row(ordinal: u32) -> String {
    format!("row.2026-11-20.{ordinal}.{BATCH}")
}

/// A batch that arrived the day before it was loaded.
async fn with_batch() -> Rig {
    let rig = Rig::new().await;
    let batch = br#"[{"msys":{"a":1}}, 7, {"msys":{"c":"x"}}]"#;
    rig.put(
        &format!("raw/sparkpost/dt=2026-11-19/{BATCH}.json.gz"),
        gzip::encode(batch),
    )
    .await;
    rig
}

#[tokio::test]
async fn items_of_a_batch_become_one_new_batch_however_often_they_are_sent() {
    let rig = with_batch().await;
    let (first, third) = (row(0), row(2));

    let answer = rig.retry(&[&third, &first]).await;
    rig.retry(&[&first, &third]).await;

    let keys = rig.keys("raw/sparkpost/dt=2026-11-21/").await;
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert_eq!(
        rig.content(&keys[0]).await,
        r#"[{"msys":{"a":1}},{"msys":{"c":"x"}}]"#
    );
    assert_eq!(
        (&answer["done"], &answer["impossible"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(answer["results"][0]["retried_as"], keys[0].as_str());
    let marks = rig.marks().await;
    assert!(marks.iter().all(|mark| mark.status == MarkStatus::Retried));
    assert_eq!(marks[0].retried_as.as_deref(), Some(keys[0].as_str()));
    assert_eq!(
        rig.keys("state/rejected/email_events/dt=2026-11-20/")
            .await
            .len(),
        1,
        "the same marks at the same time are one object"
    );
}

#[tokio::test]
async fn a_row_that_stands_for_several_items_sends_its_whole_batch() {
    let rig = with_batch().await;

    rig.retry(&[&format!("rows.2026-11-20.1.{BATCH}")]).await;

    let keys = rig.keys("raw/sparkpost/dt=2026-11-21/").await;
    assert!(rig.content(&keys[0]).await.contains(r#"7, {"msys""#));
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let rig = with_batch().await;

    let body = json!({"ids": [row(0), row(9)], "dry_run": true});
    let (status, answer) = rig.post("/retry", &body).await;

    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&answer["dry_run"], &answer["done"], &answer["impossible"]),
        (&json!(true), &json!(1), &json!(1))
    );
    assert!(rig.keys("raw/sparkpost/dt=2026-11-21/").await.is_empty());
    assert!(rig.marks().await.is_empty());
}

#[tokio::test]
async fn lines_are_sent_again_as_their_pipeline_needs_it() {
    let rig = Rig::new().await;
    let lines = |lines: &[Value]| {
        let lines: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
        lines.concat().into_bytes()
    };
    let source = "raw/track/dt=2026-11-20/hour=13/track-1-2026-11-20-13-05-59-f.gz";
    let first = json!({"reason": "malformed_json", "source_key": source, "ordinal": 1, "item": "{\"event\":\"é\"}"});
    rig.put(
        "rejected/product_events/dt=2026-11-20/f.ndjson",
        lines(&[
            first.clone(),
            json!({"reason": "not_utf8", "source_key": source, "ordinal": 4, "item_base64": "/w=="}),
        ]),
    )
    .await;
    let second = format!("{first}\n").len();
    let body = r#"{"mpid":7,"events":[{"data":{"n":1.50}},{"event_type":"custom_event"}]}"#;
    let message = json!({"messageId": "m-1", "sentAt": "2026-11-20T10:00:00Z", "body": body});
    let archive = "raw/mparticle/dt=2026-11-20/hour=10/run-1.ndjson.gz";
    rig.put(archive, gzip::encode(format!("{message}\n").as_bytes()))
        .await;
    rig.put(
        "rejected/app_events/dt=2026-11-20/run-1.ndjson",
        lines(&[json!({"reason": "no_user", "source_key": archive, "message_id": "m-1", "ordinal": 1, "item": r#"{"event_type":"custom_event","data":null}"#})]),
    )
    .await;
    rig.put(
        "raw/sparkpost/dt=2026-11-20/odd.json.gz",
        b"not gzip".to_vec(),
    )
    .await;
    rig.put(
        "rejected/email_events/dt=2026-11-20/odd.ndjson",
        lines(&[
            json!({"reason": "not_gzip", "source_key": "raw/sparkpost/dt=2026-11-20/odd.json.gz"}),
        ]),
    )
    .await;

    let answer = rig
        .retry(&[
            "line.product_events.2026-11-20.0.f",
            &format!("line.product_events.2026-11-20.{second}.f"),
            "line.app_events.2026-11-20.0.run-1",
            "line.email_events.2026-11-20.0.odd",
        ])
        .await;

    assert_eq!(
        (&answer["done"], &answer["impossible"]),
        (&json!(4), &json!(0)),
        "{answer}"
    );
    let products = rig.keys("raw/track/dt=2026-11-20/hour=13/").await;
    assert_eq!(products.len(), 1);
    assert!(
        products[0].contains("track-1-2026-11-20-13-05-59-f-retry-"),
        "{products:?}"
    );
    let expanded = gzip::decode_capped(&rig.get(&products[0]).await, 1 << 10).unwrap();
    assert_eq!(
        expanded,
        [b"{\"event\":\"\xc3\xa9\"}\n".as_slice(), b"\xff"].concat()
    );
    assert_eq!(
        rig.messages().await,
        [r#"{"mpid":7,"events":[{"event_type":"custom_event"}]}"#]
    );
    let copies = rig.keys("raw/sparkpost/dt=2026-11-21/").await;
    assert_eq!(rig.get(&copies[0]).await, b"not gzip");
    assert_eq!(rig.marks().await.len(), 4);
}
