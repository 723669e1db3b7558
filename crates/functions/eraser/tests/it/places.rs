//! What is easily left out of an erasure, and what must keep its receipt from being complete.

use std::time::Duration;

use serde_json::{Value, json};
use test_bucket::Bucket;
use time::OffsetDateTime;

use crate::rig::{content, deps, deps_at, gzip, invoke, receipt, start};

const RAW: &str = "raw/mparticle/dt=2026-01-02/hour=10/run-1.ndjson.gz";
const LINES: &str = "rejected/app_events/dt=2026-01-02/run-1.ndjson";
const MINUTE: Duration = Duration::from_mins(1);

async fn erase(bucket: &Bucket) -> Value {
    let deps = deps(bucket);
    invoke(&deps, start(true), MINUTE).await.unwrap();
    finish(bucket).await
}

/// Goes on with the erasure to its end.
async fn finish(bucket: &Bucket) -> Value {
    let deps = deps(bucket);
    for _ in 0..20 {
        let answer = invoke(&deps, json!({"continue": "e1"}), MINUTE).await;
        if answer.unwrap()["is_finished"] == true {
            break;
        }
    }
    receipt(bucket).await
}

fn last_problems(receipt: &Value) -> &Value {
    let passes = receipt["receipt"]["passes"].as_array().unwrap();
    &passes.last().unwrap()["problems"]
}

fn event(id: &str) -> Value {
    json!({"event_type": "custom_event", "data": {"source_message_id": id}})
}

/// An archived message, and the forwarder's line about its event, which has no name of the user.
fn message_and_line(address: &str, id: &str) -> (String, String) {
    let body = json!({"user_identities": {"email": address}, "events": [event(id)]});
    let message =
        json!({"messageId": id, "sentAt": "2026-01-02T10:00:00Z", "body": body.to_string()});
    let line = json!({
        "reason": "no_event_name", "source_key": RAW, "message_id": id, "ordinal": 0, "item": event(id).to_string(),
    });
    (message.to_string() + "\n", line.to_string() + "\n")
}

#[tokio::test]
async fn a_line_of_an_app_event_without_its_batch_goes_with_the_batch() {
    let bucket = Bucket::create("eraser").await;
    let (of_jane, her_line) = message_and_line("jane@x.org", "e-jane");
    let (of_bob, his_line) = message_and_line("bob@x.org", "e-bob");
    bucket.put(RAW, gzip(&format!("{of_jane}{of_bob}"))).await;
    bucket.put(LINES, format!("{her_line}{his_line}")).await;

    let receipt = erase(&bucket).await;

    assert_eq!(receipt["receipt"]["is_complete"], true, "{receipt}");
    let left = content(&bucket).await;
    assert_eq!(left[RAW], of_bob);
    let blank = " ".repeat(her_line.trim_end().len());
    assert_eq!(left[LINES], format!("{blank}\n{his_line}"));
}

#[tokio::test]
async fn a_line_that_nothing_says_whose_it_is_keeps_the_receipt_from_being_complete() {
    let bucket = Bucket::create("eraser").await;
    let (_, line) = message_and_line("jane@x.org", "e-jane");
    bucket.put(LINES, line.clone()).await;

    let receipt = erase(&bucket).await;

    assert_eq!(receipt["receipt"]["is_complete"], false);
    assert_eq!(last_problems(&receipt)[0]["object"], LINES);
    assert_eq!(content(&bucket).await[LINES], line);
}

#[tokio::test]
async fn what_firehose_could_not_deliver_is_searched_and_reported_and_stays() {
    let bucket = Bucket::create("eraser").await;
    let prefix = "rejected/firehose/processing-failed/dt=2026-01-02/";
    // {"userId":"u-1001"} and {"userId":"bob"}
    let record = |data: &str| json!({"attemptsMade": 4, "rawData": data}).to_string();
    let hers = format!("{prefix}a");
    bucket
        .put(&hers, record("eyJ1c2VySWQiOiJ1LTEwMDEifQ=="))
        .await;
    bucket
        .put(&format!("{prefix}b"), record("eyJ1c2VySWQiOiJib2IifQ=="))
        .await;
    let before = content(&bucket).await;

    let receipt = erase(&bucket).await;

    assert_eq!(receipt["receipt"]["is_complete"], false);
    let problems = last_problems(&receipt).as_array().unwrap();
    let objects: Vec<&Value> = problems.iter().map(|problem| &problem["object"]).collect();
    assert_eq!(objects, [&json!(hers)]);
    assert_eq!(content(&bucket).await, before);
}

#[tokio::test]
async fn unverified_deliveries_with_an_escaped_name_are_deleted() {
    let bucket = Bucket::create("eraser").await;
    let key = |name: &str| format!("unverified/own/dt=2026-01-02/hour=10/{name}.json.gz");
    for (name, body) in [
        ("a", r#"[{"to":"Jane \u003cjane@x.org\u003e"}]"#),
        ("b", r#"[{"to":"jane\u0040x.org"}]"#),
        ("c", r#"[{"to":"bob@x.org"}]"#),
    ] {
        bucket.put(&key(name), gzip(body)).await;
    }

    let receipt = erase(&bucket).await;

    assert_eq!(receipt["receipt"]["is_complete"], true, "{receipt}");
    assert_eq!(bucket.keys("unverified/").await, [key("c")]);
}

#[tokio::test]
async fn a_pass_that_was_not_in_all_places_is_not_the_last() {
    let bucket = Bucket::create("eraser").await;
    let (of_jane, _) = message_and_line("jane@x.org", "e-jane");
    bucket.put(RAW, gzip(&of_jane)).await;
    invoke(&deps(&bucket), start(true), MINUTE).await.unwrap();
    // As another version left it, which had other places before this one.
    let key = "state/erasures/e1/state.json";
    let mut state: Value = serde_json::from_slice(&bucket.object(key).await.unwrap()).unwrap();
    state["pass"]["place"] = json!(8);
    state["pass"]["after"] = json!("zzz");
    bucket.put(key, state.to_string()).await;

    let receipt = finish(&bucket).await;

    assert_eq!(receipt["receipt"]["is_complete"], true, "{receipt}");
    assert_eq!(content(&bucket).await[RAW], "");
}

#[tokio::test]
async fn the_note_about_a_late_object_stays_until_it_can_be_rewritten_and_the_invocation_fails() {
    let bucket = Bucket::create("eraser").await;
    let key = "raw/sparkpost/dt=2026-01-03/late.json.gz";
    let whole = gzip(r#"[{"msys":{"m":{"rcpt_to":"jane@x.org"}}}]"#);
    bucket.put(key, whole[..whole.len() - 12].to_vec()).await;
    erasure::note_late(&bucket.s3, &bucket.name, key)
        .await
        .unwrap();
    let deps = deps(&bucket);
    let schedule = json!({"source": "aws.scheduler"});

    assert_eq!(invoke(&deps, schedule.clone(), MINUTE).await, None);
    assert_eq!(bucket.keys("state/erasures/late/").await.len(), 1);

    bucket.put(key, gzip("[]")).await;
    assert_eq!(invoke(&deps, schedule, MINUTE).await, Some(json!({})));
    assert!(bucket.keys("state/erasures/late/").await.is_empty());
}

#[tokio::test]
async fn an_erasure_of_which_only_the_names_are_there_goes_on_if_it_is_listed_and_else_they_go() {
    fn hours_later() -> OffsetDateTime {
        OffsetDateTime::now_utc() + time::Duration::hours(2)
    }
    let bucket = Bucket::create("eraser").await;
    let person = json!({"addresses": ["jane@x.org"], "ids": []}).to_string();
    for id in ["e1", "e2"] {
        let key = format!("state/erasures/{id}/person.json");
        bucket.put(&key, person.clone()).await;
    }
    let listed = json!({"people": [
        {"erasure": "e1", "added_at": "2026-01-02T10:00:00Z", "names": ["0f".repeat(32)]},
    ]});
    bucket.put("state/erasures/key", "0f".repeat(32)).await;
    bucket
        .put("state/erasures/people.json", listed.to_string())
        .await;
    let schedule = json!({"source": "aws.scheduler"});
    let before = bucket.keys("state/erasures/").await;

    invoke(&deps(&bucket), schedule.clone(), MINUTE)
        .await
        .unwrap();
    assert_eq!(bucket.keys("state/erasures/").await, before);

    let later = deps_at(&bucket, hours_later);
    let available = Duration::from_hours(3);
    invoke(&later, schedule.clone(), available).await.unwrap();
    invoke(&later, schedule, available).await.unwrap();

    assert!(bucket.keys("state/erasures/e2/").await.is_empty());
    let receipt = receipt(&bucket).await;
    assert_eq!(receipt["receipt"]["is_dry_run"], false);
    assert_eq!(
        bucket.keys("state/erasures/e1/").await,
        ["state/erasures/e1/receipt.json"]
    );
}
