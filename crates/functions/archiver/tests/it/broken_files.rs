//! Files of the lake that cannot be read: they are set aside, and cost nothing else.

use serde_json::Value;
use time::{
    Duration, OffsetDateTime,
    macros::{date, datetime},
};

use crate::compaction::{event, once, query};
use crate::rig::{NONE, Rig, raw_key, set_now};

const NIGHT: OffsetDateTime = datetime!(2026-03-02 03:00 UTC);
const TABLE: &str = "product_events";

async fn convert(rig: &Rig, hour: u8, ids: std::ops::Range<u32>) -> String {
    let key = raw_key(hour, "x");
    let events: String = ids.map(event).collect();
    rig.put(&key, events).await;
    assert_eq!(rig.deliver(&[&key]).await, NONE);
    key
}

async fn compact(rig: &Rig, hours: std::ops::Range<i64>) {
    for hour in hours {
        set_now(NIGHT + Duration::hours(hour));
        let report = rig.compact().await;
        assert_eq!(
            (&*report.failed, &*report.failed_tables),
            (&[][..], &[][..])
        );
    }
}

/// A part of a good day, and everything that may become of its bytes.
async fn broken_forms(rig: &Rig) -> Vec<(&'static str, Vec<u8>)> {
    let parts = rig.objects("lake/product_events/new/").await;
    let good = parts.values().next().unwrap().to_vec();
    let other = {
        let key = "raw/sparkpost/dt=2026-03-01/x.gz";
        let batch = r#"[{"msys":{"message_event":{"type":"bounce","event_id":"1","timestamp":"1772366400"}}}]"#;
        rig.put(key, batch).await;
        assert_eq!(rig.deliver(&[key]).await, NONE);
        let parts = rig.objects("lake/email_events/").await;
        parts.values().next().unwrap().to_vec()
    };
    let with = |offset: usize, bytes: &[u8]| {
        let mut broken = good.clone();
        broken[offset..offset + bytes.len()].copy_from_slice(bytes);
        broken
    };
    let len = good.len();
    let length = u32::from_le_bytes(good[len - 8..len - 4].try_into().unwrap());
    let footer = len - 8 - usize::try_from(length).unwrap();
    vec![
        ("not_parquet", Vec::new()),
        ("not_parquet", b"PAR1".to_vec()),
        ("not_parquet", b"{\"event\":\"e\"}\n".repeat(100)),
        ("not_parquet", good[..len / 2].to_vec()),
        ("not_parquet", good[..len - 1].to_vec()),
        ("damaged_file", with(len - 8, &u32::MAX.to_le_bytes())),
        ("damaged_file", with(len - 8, &(length / 2).to_le_bytes())),
        ("damaged_file", with(footer, &[0xff; 40])),
        // The pages: their headers, and then all of them.
        ("damaged_file", with(4, &[0xff; 16])),
        ("damaged_file", with(4, &vec![0x55; footer - 4])),
        // The beginning of the file is missing, so that all offsets are wrong.
        ("damaged_file", good[len / 3..].to_vec()),
        ("other_schema", other),
    ]
}

#[tokio::test]
async fn broken_part_is_set_aside_and_the_good_parts_of_its_day_are_merged() {
    let forms = broken_forms(&{
        let rig = Rig::new().await;
        convert(&rig, 10, 0..10).await;
        rig
    })
    .await;
    for (number, (reason, bytes)) in forms.into_iter().enumerate() {
        set_now(datetime!(2026-03-01 12:00 UTC));
        let rig = Rig::new().await;
        convert(&rig, 10, 0..10).await;
        let victim = convert(&rig, 11, 10..20).await;
        let parts = rig.objects("lake/product_events/new/").await;
        let (broken, _) = parts
            .iter()
            .find(|(_, part)| {
                crate::rows::read((*part).clone()).len() == 10 && {
                    let rows = crate::rows::read((*part).clone());
                    rows.iter().any(|row| row["eventid"] == "10")
                }
            })
            .unwrap();
        rig.put(broken, bytes.clone()).await;

        compact(&rig, 0..3).await;

        assert_eq!(query(&rig, TABLE).await, once(0..10), "form {number}");
        let lines = rejected_lines(&rig).await;
        let [line] = &lines[..] else {
            panic!("form {number}: {lines:?}");
        };
        assert_eq!(line["reason"], reason, "form {number}: {line}");
        assert_eq!(line["source_key"], **broken);
        let kept = rig.objects("rejected/product_events/").await;
        let kept = kept.iter().find(|(key, _)| key.ends_with(".parquet"));
        assert_eq!(kept.unwrap().1, &bytes, "its bytes are kept");
        assert!(rig.metric_lines().contains("\"lake_files_rejected\":1"));

        // The raw object has them all.
        assert_eq!(rig.deliver(&[&victim]).await, NONE);
        compact(&rig, 3..60).await;
        assert_eq!(query(&rig, TABLE).await, once(0..20), "form {number}");
        assert_eq!(rejected_lines(&rig).await.len(), 1);
    }
}

#[tokio::test]
async fn day_of_broken_parts_alone_has_no_file() {
    let rig = Rig::new().await;
    let key = convert(&rig, 10, 0..10).await;
    let parts = rig.objects("lake/product_events/new/").await;
    let part = parts.keys().next().unwrap();
    rig.put(part, "not Parquet").await;

    compact(&rig, 0..3).await;
    assert!(rig.objects("lake/product_events/").await.is_empty());

    assert_eq!(rig.deliver(&[&key]).await, NONE);
    compact(&rig, 3..30).await;
    assert_eq!(query(&rig, TABLE).await, once(0..10));
}

#[tokio::test]
async fn part_that_is_gone_is_noted_and_can_be_converted_again() {
    let rig = Rig::new().await;
    let key = convert(&rig, 10, 0..10).await;
    convert(&rig, 11, 10..20).await;
    set_now(NIGHT);
    rig.compact().await;
    let parts = rig.objects("lake/product_events/new/").await;
    for (part, bytes) in &parts {
        if crate::rows::read(bytes.clone())[0]["eventid"] == "0" {
            rig.delete(part).await;
        }
    }

    compact(&rig, 1..3).await;
    assert_eq!(query(&rig, TABLE).await, once(10..20));
    assert_eq!(rejected_lines(&rig).await[0]["reason"], "file_missing");

    assert_eq!(rig.deliver(&[&key]).await, NONE);
    compact(&rig, 3..40).await;
    assert_eq!(query(&rig, TABLE).await, once(0..20));
}

#[tokio::test]
async fn broken_compacted_day_is_set_aside_when_it_is_read_and_its_parts_can_be_converted_again() {
    let rig = Rig::new().await;
    let key = convert(&rig, 10, 0..10).await;
    compact(&rig, 0..25).await;
    let closed = rig.objects("lake/product_events/closed/").await;
    let file = closed.keys().next().unwrap();
    rig.put(file, "not Parquet").await;

    convert(&rig, 11, 5..15).await;
    compact(&rig, 25..80).await;
    assert_eq!(query(&rig, TABLE).await, once(5..15));

    assert_eq!(rig.deliver(&[&key]).await, NONE);
    compact(&rig, 80..140).await;
    assert_eq!(query(&rig, TABLE).await, once(0..15));
}

#[tokio::test]
async fn manifest_that_cannot_be_read_is_made_again_whatever_it_said() {
    for (hours, form) in [
        (0, "x"),
        (1, ""),
        (2, "{}"),
        (3, "{\"version\":1}"),
        (24, "x"),
    ] {
        set_now(datetime!(2026-03-01 12:00 UTC));
        let rig = Rig::new().await;
        convert(&rig, 10, 0..10).await;
        convert(&rig, 11, 10..20).await;
        compact(&rig, 0..hours + 1).await;
        let states = rig.objects("state/lake/product_events/files/").await;
        let (latest, _) = states.last_key_value().unwrap();
        rig.put(latest, form).await;

        compact(&rig, hours + 1..hours + 2).await;
        assert_eq!(query(&rig, TABLE).await, once(0..20), "after {hours} hours");
        assert!(!rig.objects("state/").await.contains_key(latest));
        compact(&rig, hours + 2..60).await;

        assert_eq!(query(&rig, TABLE).await, once(0..20), "after {hours} hours");
        let files = rig.objects("lake/product_events/").await;
        assert_eq!(files.len(), 1, "after {hours} hours: {:?}", files.keys());
        let lines = rejected_lines(&rig).await;
        assert_eq!(lines[0]["reason"], "broken_manifest", "{lines:?}");
    }
}

#[tokio::test]
async fn state_of_a_day_that_cannot_be_read_costs_no_other_day_and_no_other_table() {
    let rig = Rig::new().await;
    convert(&rig, 10, 0..10).await;
    let state = "state/lake/product_events/days/dt=2026-02-27.json";
    rig.put(state, "x").await;
    let part = format!(
        "lake/product_events/new/at=2026-03-01/dt=2026-02-27/part-{}.parquet",
        "0".repeat(32)
    );
    rig.put(&part, "x").await;

    set_now(NIGHT);
    rig.compact().await;
    set_now(NIGHT + Duration::HOUR);
    let report = rig.compact().await;

    assert_eq!(report.failed, [date!(2026 - 02 - 27)]);
    assert_eq!(report.merged.len(), 1);
}

/// What was said about files that were set aside.
async fn rejected_lines(rig: &Rig) -> Vec<Value> {
    let objects = rig.objects("rejected/product_events/").await;
    objects
        .iter()
        .filter(|(key, _)| key.ends_with(".ndjson") && !key.contains("-files-"))
        .map(|(_, line)| serde_json::from_slice(line).unwrap())
        .collect()
}
