use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::rig::{NONE, Rig, raw_key, set_now};

const NIGHT: OffsetDateTime = datetime!(2026-03-02 03:00 UTC);

pub(crate) fn event(id: u32) -> String {
    format!(
        "{{\"event\":\"e{}\",\"userId\":\"u{}\",\"eventId\":\"{id}\",\"dateTime\":\"2026-03-01 10:00:00\"}}\n",
        id % 2,
        id % 3
    )
}

/// What a query of a table finds: each event's id and how often it is in files that are not hidden.
pub(crate) async fn query(rig: &Rig, table: &str) -> BTreeMap<String, u32> {
    let states = rig.objects(&format!("state/lake/{table}/files/")).await;
    let hidden: BTreeSet<String> = states
        .last_key_value()
        .map(|(_, latest)| {
            let lines = latest
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty());
            lines
                .map(|line| serde_json::from_slice::<Value>(line).unwrap())
                .filter(|line| line["hidden"] == true)
                .map(|line| line["file"].as_str().unwrap().to_owned())
                .collect()
        })
        .unwrap_or_default();
    let mut seen = BTreeMap::new();
    for row in rig.files_of(table).await.into_values().flatten() {
        if !hidden.contains(row["_file"].as_str().unwrap()) {
            *seen
                .entry(row["eventid"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
    }
    seen
}

pub(crate) fn once(ids: impl IntoIterator<Item = u32>) -> BTreeMap<String, u32> {
    ids.into_iter().map(|id| (id.to_string(), 1)).collect()
}

async fn arrive(rig: &Rig, hour: u8, ids: impl IntoIterator<Item = u32>) -> String {
    let key = raw_key(hour, "x");
    let events: Vec<String> = ids.into_iter().map(event).collect();
    rig.put(&key, events.concat()).await;
    assert_eq!(rig.deliver(&[&key]).await, NONE);
    key
}

fn file_names(files: &BTreeMap<String, Vec<crate::rows::Row>>) -> Vec<&str> {
    files
        .keys()
        .map(|key| {
            let (_, name) = key.rsplit_once('/').unwrap();
            name.split('-').next().unwrap()
        })
        .collect()
}

#[tokio::test]
async fn a_day_becomes_one_sorted_file_and_every_look_at_it_sees_each_event_once() {
    let rig = Rig::new().await;
    for hour in 10..14 {
        let first = u32::from(hour) * 10;
        arrive(&rig, hour, first..first + 10).await;
    }
    let all = once((100..110).chain(110..120).chain(120..130).chain(130..140));

    set_now(NIGHT - Duration::SECOND);
    assert_eq!(
        rig.compact().await.in_progress_count,
        0,
        "the day has not rested yet"
    );
    let mut names = Vec::new();
    for hour in 0..25 {
        set_now(NIGHT + Duration::hours(hour));
        rig.compact().await;
        assert_eq!(query(&rig, "product_events").await, all, "hour {hour}");
        names.push(file_names(&rig.files().await).join(" "));
    }

    // Parts are deleted when no query that has listed them runs any more: after the day after their arrival.
    let parts = "part part part part";
    let both = "day part part part part";
    let removed = 22;
    assert_eq!(names[0], parts);
    assert!(
        names[1..removed].iter().all(|names| names == both),
        "{names:?}"
    );
    assert!(
        names[removed..].iter().all(|names| names == "day"),
        "{names:?}"
    );
    let files = rig.files().await;
    let rows = files.values().next().unwrap();
    let keys: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| {
            (
                row["event"].as_str().unwrap(),
                row["userid"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(keys.is_sorted());
    let state = rig.objects("state/lake/product_events/files/").await;
    let latest = state.last_key_value().unwrap().1;
    assert_eq!(
        latest.split(|byte| *byte == b'\n').count(),
        2,
        "only the header is left"
    );
}

#[tokio::test]
async fn late_events_reopen_their_day_and_an_event_that_came_again_is_dropped() {
    let rig = Rig::new().await;
    arrive(&rig, 10, 0..10).await;
    for hour in 0..25 {
        set_now(NIGHT + Duration::hours(hour));
        rig.compact().await;
    }
    let closed = rig.files().await;
    assert_eq!(file_names(&closed), ["day"]);

    arrive(&rig, 11, 5..15).await;
    assert_eq!(
        query(&rig, "product_events").await.len(),
        15,
        "late events are seen at once"
    );
    for hour in 25..80 {
        set_now(NIGHT + Duration::hours(hour));
        rig.compact().await;
    }

    let files = rig.files().await;
    assert_eq!(file_names(&files), ["day", "day"]);
    let of_both = closed
        .iter()
        .all(|(key, rows)| files.get(key) == Some(rows));
    assert!(of_both, "what is closed stays as it is");
    assert_eq!(query(&rig, "product_events").await, once(0..15));
}

#[tokio::test]
async fn converting_an_object_again_after_its_day_was_compacted_adds_nothing() {
    let rig = Rig::new().await;
    let key = arrive(&rig, 10, 0..10).await;
    for hour in 0..25 {
        set_now(NIGHT + Duration::hours(hour));
        rig.compact().await;
    }

    assert_eq!(rig.deliver(&[&key, &key]).await, NONE);

    assert_eq!(file_names(&rig.files().await), ["day"]);
    assert_eq!(rig.counts()[..3], [30, 10, 20]);
}

#[tokio::test]
async fn two_compactors_at_once_do_no_harm() {
    let rig = Rig::new().await;
    arrive(&rig, 10, 0..10).await;
    arrive(&rig, 11, 10..20).await;

    for hour in 0..25 {
        set_now(NIGHT + Duration::hours(hour));
        let until = tokio::time::Instant::now() + std::time::Duration::from_mins(1);
        // One of them may find that the other was faster.
        let (one, other) = tokio::join!(
            archiver::compact(&rig.deps, until),
            archiver::compact(&rig.deps, until)
        );
        assert!(one.failed_tables.is_empty() || other.failed_tables.is_empty());
        assert_eq!(
            query(&rig, "product_events").await,
            once(0..20),
            "hour {hour}"
        );
    }

    assert_eq!(file_names(&rig.files().await), ["day"]);
}
