//! An erasure with which the items of others go that mention the person.

use std::time::Duration;

use serde_json::{Value, json};
use test_bucket::Bucket;
use time::OffsetDateTime;

use crate::rig::{content, deps, deps_at, gzip, invoke, receipt, start, start_deep};

const MINUTE: Duration = Duration::from_mins(1);
const EMAILS: &str = "raw/sparkpost/dt=2026-01-02/a.json.gz";
const PRODUCTS: &str = "raw/track/dt=2026-01-02/hour=10/a.gz";
const APPS: &str = "raw/mparticle/dt=2026-01-02/hour=10/run-1.ndjson.gz";
const LINES: &str = "rejected/email_events/dt=2026-01-02/a.ndjson";

fn email(address: &str, subject: &str) -> Value {
    json!({"msys": {"message_event": {"rcpt_to": address, "subject": subject}}})
}

fn product(user: &str, note: &str) -> String {
    json!({"event": "view", "userId": user, "note": note}).to_string()
}

/// A message of Bob's with an event of each note.
fn message(notes: &[&str]) -> String {
    let events: Vec<Value> = notes
        .iter()
        .map(|note| json!({"event_type": "custom_event", "data": {"custom_attributes": {"note": note}}}))
        .collect();
    let body = json!({"user_identities": {"email": "bob@x.org"}, "events": events}).to_string();
    json!({"messageId": "m", "sentAt": "2026-01-02T10:00:00Z", "body": body}).to_string() + "\n"
}

/// Jane's items, Bob's, and Bob's that mention Jane.
async fn filled() -> Bucket {
    let bucket = Bucket::create("eraser").await;
    let (hers, his) = (email("jane@x.org", "a"), email("bob@x.org", "b"));
    let mention = email("bob@x.org", "Jane@x.org wrote to you");
    let batch = json!([hers, mention, his]).to_string();
    bucket.put(EMAILS, gzip(&batch)).await;
    let records = [
        product("u-1001", ""),
        product("bob", "invited by u-1001"),
        product("bob", "c"),
    ];
    bucket
        .put(PRODUCTS, gzip(&(records.join("\n") + "\n")))
        .await;
    bucket
        .put(
            APPS,
            gzip(&message(&["d", "https://y.example/?u=jane%40x.org"])),
        )
        .await;
    let line = |item: &Value| json!({"reason": "x", "item": item.to_string()}).to_string();
    let lines = format!("{}\n{}\n", line(&mention), line(&his));
    bucket.put(LINES, lines).await;
    bucket
}

async fn erase(bucket: &Bucket, start: Value) -> Value {
    let deps = deps(bucket);
    invoke(&deps, start, MINUTE).await.unwrap();
    for _ in 0..20 {
        let answer = invoke(&deps, json!({"continue": "e1"}), MINUTE).await;
        if answer.unwrap()["is_finished"] == true {
            break;
        }
    }
    receipt(bucket).await
}

/// What the first pass counted in a place: items of the person, mentions, and mentions that go.
fn counts(receipt: &Value, place: &str) -> [u64; 3] {
    let counts = &receipt["receipt"]["passes"][0]["counts"][place];
    ["found", "mentioned", "mentions_erased"].map(|name| counts[name].as_u64().unwrap())
}

#[tokio::test]
async fn items_of_others_that_mention_the_person_go_only_if_that_is_asked_for() {
    let bucket = filled().await;
    let before = content(&bucket).await;

    let receipt = erase(&bucket, start(true)).await;

    assert_eq!(receipt["receipt"]["deep"], false);
    assert_eq!(receipt["receipt"]["is_complete"], true, "{receipt}");
    let left = content(&bucket).await;
    assert_eq!((&left[APPS], &left[LINES]), (&before[APPS], &before[LINES]));
    assert!(
        left[EMAILS].contains("Jane@x.org wrote"),
        "{}",
        left[EMAILS]
    );
    assert!(left[PRODUCTS].contains("invited by"), "{}", left[PRODUCTS]);
    for (place, found) in [
        ("raw/sparkpost/", 1),
        ("raw/mparticle/", 0),
        ("raw/track/", 1),
    ] {
        assert_eq!(counts(&receipt, place), [found, 1, 0], "{place}");
    }
}

#[tokio::test]
async fn a_deep_erasure_takes_them_out_and_leaves_all_others() {
    let (bucket, of_dry_run) = (filled().await, filled().await);

    let searched = erase(&of_dry_run, start_deep(false)).await;
    assert_eq!(content(&of_dry_run).await, content(&bucket).await);
    let receipt = erase(&bucket, start_deep(true)).await;

    for receipt in [&searched, &receipt] {
        assert_eq!(receipt["receipt"]["deep"], true);
        assert_eq!(receipt["receipt"]["is_complete"], true, "{receipt}");
        for (place, found) in [
            ("raw/sparkpost/", 1),
            ("raw/track/", 1),
            ("raw/mparticle/", 0),
            ("rejected/email_events/", 0),
        ] {
            assert_eq!(counts(receipt, place), [found, 1, 1], "{place}");
        }
    }
    let passes = receipt["receipt"]["passes"].as_array().unwrap();
    assert_eq!(passes.len(), 2);
    let left = content(&bucket).await;
    let his = email("bob@x.org", "b");
    assert_eq!(
        left[EMAILS],
        format!(r#"[{{"msys":{{}}}},{{"msys":{{}}}},{his}]"#)
    );
    assert_eq!(left[PRODUCTS], product("bob", "c") + "\n");
    let message: Value = serde_json::from_str(&left[APPS]).unwrap();
    let body: Value = serde_json::from_str(message["body"].as_str().unwrap()).unwrap();
    let events = body[0]["events"].as_array().unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["data"]["custom_attributes"]["note"], "d");
    let lines: Vec<&str> = left[LINES].lines().map(str::trim).collect();
    assert_eq!(lines[0], "");
    assert!(lines[1].contains("bob@x.org"));
}

#[tokio::test]
async fn a_mention_that_no_item_has_stays_and_keeps_the_receipt_from_being_complete() {
    let bucket = Bucket::create("eraser").await;
    let key = "raw/email/dt=2026-01-02/standard=msg_1-0123456789abcdef.json.gz";
    bucket.put(key, gzip("no JSON of jane@x.org")).await;

    let receipt = erase(&bucket, start_deep(true)).await;

    assert_eq!(receipt["receipt"]["is_complete"], false, "{receipt}");
    let passes = receipt["receipt"]["passes"].as_array().unwrap();
    assert_eq!(passes.last().unwrap()["problems"][0]["object"], key);
    assert_eq!(content(&bucket).await[key], "no JSON of jane@x.org");
}

#[tokio::test]
async fn a_deep_erasure_that_was_interrupted_while_it_began_is_deep() {
    fn hours_later() -> OffsetDateTime {
        OffsetDateTime::now_utc() + time::Duration::hours(2)
    }
    let bucket = filled().await;
    let person = json!({"addresses": ["jane@x.org"], "ids": ["u-1001"], "deep": true});
    let listed = json!({"people": [
        {"erasure": "e1", "added_at": "2026-01-02T10:00:00Z", "names": ["0f".repeat(32)]},
    ]});
    for (key, content) in [
        ("e1/person.json", person.to_string()),
        ("key", "0f".repeat(32)),
        ("people.json", listed.to_string()),
    ] {
        bucket.put(&format!("state/erasures/{key}"), content).await;
    }
    let schedule = json!({"source": "aws.scheduler"});
    let later = deps_at(&bucket, hours_later);
    let available = Duration::from_hours(3);
    while bucket
        .object("state/erasures/e1/receipt.json")
        .await
        .is_none()
    {
        invoke(&later, schedule.clone(), available).await.unwrap();
    }

    assert_eq!(receipt(&bucket).await["receipt"]["deep"], true);
    let left = content(&bucket).await;
    assert!(
        left.values()
            .all(|text| !text.to_lowercase().contains("jane"))
    );
}

#[tokio::test]
async fn an_id_that_others_items_have_by_chance_is_refused() {
    let bucket = Bucket::create("eraser").await;
    let mut event = start_deep(true);
    event["start"]["ids"] = json!(["42"]);

    assert_eq!(invoke(&deps(&bucket), event, MINUTE).await, None);
    assert!(bucket.keys("state/").await.is_empty());
}
