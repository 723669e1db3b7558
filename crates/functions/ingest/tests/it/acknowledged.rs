use axum::http::StatusCode;
use serde_json::json;

use crate::rig::Rig;

const BATCH: &str =
    r#"[{"msys":{"track_event":{"type":"open","event_id":"1","timestamp":"1460989507"}}}]"#;
const ID: (&str, &str) = ("X-MessageSystems-Batch-ID", "4d3c");

#[tokio::test]
async fn batch_is_in_the_archive_as_received_when_it_is_acknowledged() {
    let rig = Rig::open().await;

    let answer = rig
        .post(&[ID, ("Content-Type", "application/json")], BATCH)
        .await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(rig.archived().await, BATCH.as_bytes());
    let key = &rig.keys().await[0];
    let batch = answer.body["batch"].as_str().unwrap();
    assert_eq!(*key, format!("raw/sparkpost/dt=2026-03-01/{batch}.json.gz"));
    assert!(batch.starts_with("4d3c-"));
    assert_eq!(
        rig.metadata(key).await,
        [
            ("batch-id", "4d3c"),
            ("content-type", "application/json"),
            ("received-at", "2026-03-01T12:00:00Z")
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[tokio::test]
async fn same_batch_five_times_is_one_object_and_five_acknowledgements() {
    let rig = Rig::open().await;

    for index in 0..5 {
        let answer = rig.post(&[ID], BATCH).await;

        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(
            answer.body["outcome"],
            if index == 0 { "stored" } else { "duplicate" }
        );
    }

    assert_eq!(rig.keys().await.len(), 1);
    let counts = [
        "batches_received",
        "batches_stored",
        "batches_duplicate",
        "batches_refused",
        "received_bytes",
    ]
    .map(|name| rig.metric(name));
    assert_eq!(counts, [5, 1, 4, 0, 5 * BATCH.len() as u64]);
}

#[tokio::test]
async fn same_id_with_other_bytes_is_another_batch() {
    let rig = Rig::open().await;

    rig.post(&[ID], BATCH).await;
    let answer = rig.post(&[ID], "[]").await;

    assert_eq!(answer.body["outcome"], "stored");
    assert_eq!(rig.keys().await.len(), 2);
}

#[tokio::test]
async fn validation_ping_and_junk_are_stored_and_acknowledged() {
    let rig = Rig::open().await;
    let bodies: [&[u8]; 6] = [
        br#"[{"msys":{}}]"#,
        b"[]",
        b"",
        b"{",
        b"\xff\xfe\0",
        b"null",
    ];

    for body in bodies {
        let answer = rig.post(&[], body.to_vec()).await;

        assert_eq!(
            (answer.status, &answer.body["outcome"]),
            (StatusCode::OK, &json!("stored")),
            "{body:?}"
        );
    }

    assert_eq!(rig.keys().await.len(), bodies.len());
}

#[tokio::test]
async fn gzip_is_undone_for_the_key_and_the_same_batch_without_it_is_a_duplicate() {
    let rig = Rig::open().await;

    let zipped = aws_io::gzip::encode(BATCH.as_bytes());
    let first = rig.post(&[ID, ("Content-Encoding", "gzip")], zipped).await;
    let second = rig.post(&[ID], BATCH).await;

    assert_eq!(
        (first.status, &first.body["outcome"]),
        (StatusCode::OK, &json!("stored"))
    );
    assert_eq!(second.body["outcome"], "duplicate");
    assert_eq!(rig.archived().await, BATCH.as_bytes());
}

#[tokio::test]
async fn body_that_is_not_the_gzip_it_claims_to_be_is_kept_as_it_came() {
    let rig = Rig::open().await;

    let answer = rig.post(&[("Content-Encoding", "gzip")], BATCH).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(rig.archived().await, BATCH.as_bytes());
}
