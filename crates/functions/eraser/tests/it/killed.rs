//! An erasure that is killed anywhere ends as one that is not.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use test_bucket::Bucket;
use tokio::time::timeout;

use crate::rig::{content, deps, expand, gzip, invoke, receipt, start};

const OBJECTS: usize = 60;

/// Objects of every pipeline, each with something of Jane's, and something of Bob's.
async fn filled() -> Bucket {
    let bucket = Bucket::create("eraser").await;
    for number in 0..OBJECTS {
        let email =
            |address: &str| format!(r#"{{"msys":{{"m":{{"rcpt_to":"{address}","n":{number}}}}}}}"#);
        let batch = format!("[{},{}]", email("Jane@x.org"), email("bob@x.org"));
        let key = format!("raw/sparkpost/dt=2026-01-02/{number:03}.json.gz");
        bucket.put(&key, gzip(&batch)).await;
        let track = format!(
            "{{\"userId\":\"u-1001\",\"n\":{number}}}\n{{\"userId\":\"bob\",\"n\":{number}}}\n"
        );
        let key = format!("raw/track/dt=2026-01-02/hour=10/{number:03}.gz");
        bucket.put(&key, gzip(&track)).await;
    }
    let line = |address: &str| {
        let item = format!(r#"{{"msys":{{"m":{{"rcpt_to":"{address}"}}}}}}"#);
        json!({"reason": "missing_timestamp", "item": item}).to_string()
    };
    let lines = format!("{}\n{}\n", line("jane@x.org"), line("bob@x.org"));
    bucket
        .put("rejected/email_events/dt=2026-01-02/a.ndjson", lines)
        .await;
    bucket.put("athena/a.csv", "jane@x.org").await;
    bucket.put("athena/b.csv", "bob@x.org").await;
    bucket
}

async fn erased(bucket: &Bucket, kills: u64) -> (BTreeMap<String, String>, Value) {
    let deps = deps(bucket);
    invoke(&deps, start(true), Duration::from_mins(1))
        .await
        .unwrap();
    let go_on = json!({"continue": "e1"});
    for kill in 0..kills {
        // What is dropped in the middle is what a killed process leaves.
        let after = Duration::from_millis(1 + kill * 7 % 40);
        let _killed = timeout(after, invoke(&deps, go_on.clone(), Duration::from_mins(1))).await;
    }
    for _ in 0..20 {
        let answer = invoke(&deps, go_on.clone(), Duration::from_mins(1)).await;
        if answer.is_some_and(|answer| answer["is_finished"] == true) {
            break;
        }
    }
    (content(bucket).await, receipt(bucket).await)
}

#[tokio::test]
async fn an_erasure_that_is_killed_anywhere_ends_as_one_that_is_not() {
    let (whole, killed) = (filled().await, filled().await);

    let (expected, receipt) = erased(&whole, 0).await;
    let (content, after_kills) = erased(&killed, 200).await;

    assert_eq!(content, expected);
    for text in content.values() {
        let text = text.to_lowercase();
        assert!(!text.contains("jane") && !text.contains("u-1001"), "{text}");
    }
    assert_eq!(
        content.values().filter(|text| text.contains("bob")).count(),
        2 * OBJECTS + 2
    );
    for receipt in [receipt, after_kills] {
        assert_eq!(receipt["receipt"]["is_complete"], true, "{receipt}");
    }
    let kept = killed.keys("state/erasures/").await;
    let names =
        ["e1/receipt.json", "key", "people.json"].map(|name| format!("state/erasures/{name}"));
    assert_eq!(kept, names);
    let list = killed.object("state/erasures/people.json").await.unwrap();
    assert!(!String::from_utf8_lossy(&list).contains("jane"));
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let bucket = filled().await;
    let before = content(&bucket).await;
    let deps = deps(&bucket);

    invoke(&deps, start(false), Duration::from_mins(1))
        .await
        .unwrap();
    let answer = invoke(&deps, json!({"continue": "e1"}), Duration::from_mins(1)).await;

    assert_eq!(answer.unwrap()["is_finished"], true);
    assert_eq!(content(&bucket).await, before);
    let receipt = receipt(&bucket).await;
    let counts = &receipt["receipt"]["passes"][0]["counts"];
    assert_eq!(counts["raw/sparkpost/"]["found"], OBJECTS);
    assert_eq!(counts["raw/track/"]["found"], OBJECTS);
    assert_eq!(counts["rejected/email_events/"]["found"], 1);
    assert_eq!(counts["athena/"]["found"], 1);
    assert_eq!(bucket.object("state/erasures/people.json").await, None);
}

#[tokio::test]
async fn late_objects_that_were_noted_are_rewritten() {
    let bucket = filled().await;
    let (_, _) = erased(&bucket, 0).await;
    let key = "raw/sparkpost/dt=2026-01-03/late.json.gz";
    let batch =
        r#"[{"msys":{"m":{"rcpt_to":"JANE@x.org"}}},{"msys":{"m":{"rcpt_to":"bob@x.org"}}}]"#;
    bucket.put(key, gzip(batch)).await;
    erasure::note_late(&bucket.s3, &bucket.name, key)
        .await
        .unwrap();

    invoke(
        &deps(&bucket),
        json!({"source": "aws.scheduler"}),
        Duration::from_mins(1),
    )
    .await
    .unwrap();

    let bytes = bucket.object(key).await.unwrap();
    let expected = r#"[{"msys":{}},{"msys":{"m":{"rcpt_to":"bob@x.org"}}}]"#;
    assert_eq!(expand(&bytes), expected);
    assert_eq!(
        bucket.keys("state/erasures/late/").await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn an_erasure_that_leaves_something_fails_the_schedules_invocation_once() {
    let bucket = filled().await;
    let key = "raw/sparkpost/dt=2026-01-03/damaged.json.gz";
    let whole = gzip(r#"[{"msys":{"m":{"rcpt_to":"jane@x.org"}}}]"#);
    bucket.put(key, whole[..whole.len() - 12].to_vec()).await;
    let deps = deps(&bucket);
    let minute = Duration::from_mins(1);
    invoke(&deps, start(true), minute).await.unwrap();

    let schedule = json!({"source": "aws.scheduler"});
    let mut failed = 0;
    while bucket
        .object("state/erasures/e1/receipt.json")
        .await
        .is_none()
    {
        failed += u32::from(invoke(&deps, schedule.clone(), minute).await.is_none());
    }
    let afterwards = invoke(&deps, schedule, minute).await;

    assert_eq!(failed, 1);
    assert_eq!(afterwards, Some(json!({})));
    let receipt = receipt(&bucket).await;
    assert_eq!(receipt["receipt"]["is_complete"], false);
    let problems = &receipt["receipt"]["passes"][0]["problems"];
    assert_eq!(problems[0]["object"], key);
}
