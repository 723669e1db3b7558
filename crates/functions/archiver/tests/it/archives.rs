//! The archives of the other pipelines, as tables of their own.

use std::fs;

use event_model::{
    mparticle::ArchivedMessage,
    sparkpost::{PING, split_items},
};
use serde_json::{Value, json};

use crate::rig::{NONE, Rig};
use crate::rows::Row;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../events");

fn sample(name: &str) -> Vec<u8> {
    fs::read(format!("{SAMPLES}/{name}")).unwrap()
}

/// Archives one object and returns the rows it became, each with the file's key.
async fn archive(key: &str, body: impl Into<Vec<u8>>) -> (Rig, Vec<(String, Row)>) {
    let rig = Rig::new().await;
    rig.put(key, body).await;
    assert_eq!(rig.deliver(&[key]).await, NONE);
    let files = rig.files().await;
    let rows = files
        .into_iter()
        .flat_map(|(file, rows)| rows.into_iter().map(move |row| (file.clone(), row)))
        .collect();
    (rig, rows)
}

fn email_key(name: &str) -> String {
    format!("raw/sparkpost/dt=2026-03-01/{name}.gz")
}

#[tokio::test]
async fn an_email_event_is_a_row_with_the_rest_of_it_in_extra() {
    let (_rig, rows) = archive(&email_key("bounce"), sample("sparkpost/bounce.json")).await;

    let [(file, row)] = &rows[..] else {
        panic!("{rows:?}");
    };
    assert!(
        file.starts_with("lake/email_events/new/at=2026-03-01/dt=2026-02-03/part-"),
        "{file}"
    );
    assert_eq!(row["type"], "bounce");
    assert_eq!(row["rcpt_to"], "mia.lindqvist@example.net");
    assert_eq!(row["ts"], 1_770_120_003_000_i64);
    assert_eq!(row["_clamped"], false);
    let extra: Value = serde_json::from_str(row["_extra"].as_str().unwrap()).unwrap();
    assert_eq!(extra["msys"]["message_event"]["rcpt_meta"]["plan"], "gold");
}

#[tokio::test]
async fn every_element_of_every_sample_but_pings_is_a_row_or_a_rejection() {
    for entry in fs::read_dir(format!("{SAMPLES}/sparkpost")).unwrap() {
        let path = entry.unwrap().path();
        let body = fs::read(&path).unwrap();
        let Ok(Value::Array(elements)) = serde_json::from_slice(&body) else {
            continue;
        };
        let pings = split_items(&body).filter(|(_, element)| *element == PING.as_bytes());
        let items = elements.len() - pings.count();
        let (rig, rows) = archive(&email_key("x"), body).await;

        let rejected = rig.objects("rejected/email_events/").await;
        let lines = rejected
            .values()
            .flat_map(|bytes| bytes.split(|byte| *byte == b'\n'));
        let rejected_count = lines.filter(|line| !line.is_empty()).count();
        assert_eq!(rows.len() + rejected_count, items, "{}", path.display());
    }
}

#[tokio::test]
async fn events_of_one_id_and_several_types_are_several_events() {
    let batch = json!([
        { "msys": { "message_event": { "type": "delivery", "event_id": "1", "timestamp": "1770120003" } } },
        { "msys": { "message_event": { "type": "bounce", "event_id": "1", "timestamp": "1770120003" } } },
        { "msys": { "message_event": { "type": "bounce", "event_id": "1", "timestamp": "1770120003" } } },
    ]);
    let (rig, rows) = archive(&email_key("x"), batch.to_string()).await;
    assert_eq!(rows.len(), 3);

    for hour in 0..3 {
        crate::rig::set_now(
            time::macros::datetime!(2026-03-02 12:00 UTC) + time::Duration::hours(hour),
        );
        rig.compact().await;
    }

    let files = rig.files().await;
    let closed = files.iter().find(|(key, _)| key.contains("/day-")).unwrap();
    assert_eq!(closed.1.len(), 2);
}

#[tokio::test]
async fn app_events_are_taken_out_of_their_messages() {
    let body = String::from_utf8(sample("mparticle/one-screen-view.json")).unwrap();
    let batch: Value = serde_json::from_str(&body).unwrap();
    let message = ArchivedMessage::new("m-1", 1_767_268_962_000, &body);
    let nothing = ArchivedMessage::new("m-2", 1_767_268_962_000, "{}");
    let again = ArchivedMessage::new("m-3", 1_767_268_963_000, &body);
    let archived =
        [&message, &nothing, &again].map(|message| serde_json::to_string(message).unwrap() + "\n");

    let (rig, rows) = archive(
        "raw/mparticle/dt=2026-01-01/hour=12/run-1.ndjson",
        archived.concat(),
    )
    .await;

    assert_eq!(rows.len(), 2);
    let (file, row) = &rows[0];
    assert!(
        file.starts_with("lake/app_events/new/at=2026-03-01/dt=2026-01-01/part-"),
        "{file}"
    );
    let id = &batch["events"][0]["data"]["source_message_id"];
    assert_eq!(row["event_key"], *id, "the id that it is forwarded by");
    assert_eq!(row["event_type"], "screen_view");
    assert_eq!(row["mpid"], batch["mpid"]);
    assert_eq!(
        row["ts"],
        batch["events"][0]["data"]["timestamp_unixtime_ms"]
    );
    let (_, again) = &rows[1];
    assert_eq!(again["event_key"], *id, "however often it is posted");
    let rejected = rig.objects("rejected/app_events/").await;
    let [lines] = rejected.values().collect::<Vec<_>>()[..] else {
        panic!("{rejected:?}");
    };
    let line: Value = serde_json::from_slice(lines).unwrap();
    assert_eq!(
        (&line["reason"], &line["item"]),
        (&json!("not_a_batch"), &json!("{}"))
    );
}

#[tokio::test]
async fn each_object_counts_for_its_own_pipeline() {
    let rig = Rig::new().await;
    let email = email_key("bounce");
    rig.put(&email, sample("sparkpost/bounce.json")).await;
    let missing = "raw/mparticle/dt=2026-01-01/hour=12/missing.ndjson";
    let product = "analytics_raw/2026/01/31/00/x";
    rig.put(product, r#"{"event":"open"}{"event":"close"}"#)
        .await;

    assert_eq!(rig.deliver(&[&email, missing, product]).await, NONE);

    let mut lines: Vec<(String, Value, Value)> = rig
        .metric_lines()
        .lines()
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            let pipeline = line["pipeline"].as_str().unwrap().to_owned();
            (
                pipeline,
                line["lake_received"].take(),
                line["objects_rejected"].take(),
            )
        })
        .collect();
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        lines,
        [
            ("app_events".to_owned(), Value::Null, json!(1)),
            ("email_events".to_owned(), json!(1), Value::Null),
            ("product_events".to_owned(), json!(2), Value::Null),
        ]
    );
    assert_eq!(rig.objects("rejected/app_events/").await.len(), 1);
}
