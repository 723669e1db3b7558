//! The function between S3 and SQS of the emulator (`AWS_ENDPOINT_URL`) and a stand-in for the stack's API and its secret.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod rig;

use serde_json::json;

use crate::rig::Rig;

#[tokio::test]
async fn an_object_that_was_not_loaded_is_sent_again_alone_and_once() {
    let rig = Rig::new().await;
    rig.put("missing").await;
    rig.put("loaded").await;
    rig.load("loaded");

    rig.run().await.unwrap();
    let sent = rig.messages().await;
    let first = rig.record().await;
    rig.run().await.unwrap();
    let second = rig.record().await;

    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(sent[0].contains("/missing.json.gz"), "{sent:?}");
    assert_eq!(first["unreconciled"], json!({ "email_events": 0 }));
    assert_eq!(first["findings"][0]["what"], "object_not_processed");
    // It is still missing after its time, so somebody has to look; it is not sent for ever.
    assert_eq!(rig.messages().await, Vec::<String>::new());
    assert_eq!(second["unreconciled"], json!({ "email_events": 1 }));
    assert_eq!(second["sent"], first["sent"]);
    assert_eq!(rig.unreconciled(), [0, 0, 1]);
}

#[tokio::test]
async fn what_was_loaded_meanwhile_is_reconciled_and_a_further_run_changes_nothing() {
    let rig = Rig::new().await;
    rig.put("late").await;
    rig.run().await.unwrap();
    rig.messages().await;
    rig.load("late");

    rig.run().await.unwrap();
    let once = rig.record().await;
    rig.run().await.unwrap();
    let twice = rig.record().await;

    assert_eq!(once["finding_count"], 0);
    for same in ["finding_count", "sums", "sent", "unreconciled"] {
        assert_eq!(once[same], twice[same], "{same}");
    }
    assert_eq!(rig.messages().await, Vec::<String>::new());
    assert_eq!(rig.unreconciled(), [0; 4]);
}

#[tokio::test]
async fn a_row_that_is_missing_is_told_and_not_sent() {
    let rig = Rig::new().await;
    rig.put("batch").await;
    rig.load("batch");
    rig.lose_row();

    rig.run().await.unwrap();

    assert_eq!(rig.messages().await, Vec::<String>::new());
    let record = rig.record().await;
    assert_eq!(record["findings"][0]["what"], "row_missing");
    assert_eq!(record["unreconciled"], json!({ "email_events": 1 }));
    assert_eq!(rig.unreconciled(), [1, 0]);
}

#[tokio::test]
async fn while_the_api_is_down_nothing_is_said_and_nothing_sent() {
    let rig = Rig::new().await;
    rig.put("missing").await;
    rig.go_down();

    let error = rig.run().await.unwrap_err().to_string();

    assert!(error.contains("could not be reconciled"), "{error}");
    assert_eq!(rig.messages().await, Vec::<String>::new());
    assert!(rig.records().await.is_empty());
    assert!(rig.unreconciled().is_empty());
}

#[tokio::test]
async fn what_could_not_be_sent_is_sent_by_the_next_run() {
    let mut rig = Rig::new().await;
    rig.put("missing").await;
    let queue = rig.deps.sqs.clone();
    rig.deps.sqs = aws_io::Aws::local("http://127.0.0.1:1").await.sqs();

    let failed = rig.run().await;
    let record = rig.record().await;
    rig.deps.sqs = queue;
    rig.run().await.unwrap();

    assert!(failed.is_err());
    assert_eq!(record["sent"], json!([]));
    assert_eq!(rig.messages().await.len(), 1);
}
