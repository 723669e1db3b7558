//! Monthly copies: copies of compacted days, in a table of their own.

use std::collections::BTreeMap;

use serde_json::Value;
use time::{
    Date, Duration, OffsetDateTime,
    macros::{date, datetime},
};

use crate::compaction::{once, query};
use crate::rig::{NONE, Rig, set_now};

const DAYS: [Date; 3] = [
    date!(2026 - 03 - 01),
    date!(2026 - 03 - 02),
    date!(2026 - 03 - 31),
];
const AFTER_THE_LAST_DAY: OffsetDateTime = datetime!(2026-04-01 03:00 UTC);
const DUE: OffsetDateTime = datetime!(2026-04-04 00:00 UTC);

async fn rig_with_months() -> Rig {
    let mut rig = Rig::new().await;
    rig.deps.config.copy_months = true;
    rig
}

async fn arrive(rig: &Rig, day: Date, ids: impl IntoIterator<Item = u32>) {
    let events: Vec<String> = ids
        .into_iter()
        .map(|id| {
            format!("{{\"event\":\"e\",\"eventId\":\"{id}\",\"dateTime\":\"{day} 10:00:00\"}}\n")
        })
        .collect();
    let key = format!("raw/track/dt={day}/hour=11/{}.json", events.len());
    rig.put(&key, events.concat()).await;
    assert_eq!(rig.deliver(&[&key]).await, NONE);
}

/// Three compacted days of three events each.
async fn close_days(rig: &Rig) {
    for (first, day) in (0..).step_by(3).zip(DAYS) {
        arrive(rig, day, first..first + 3).await;
    }
    for hour in 0..6 {
        set_now(AFTER_THE_LAST_DAY + Duration::hours(hour));
        rig.compact().await;
    }
}

/// Which files of monthly copies there are.
async fn month_files(rig: &Rig) -> Vec<String> {
    rig.objects("lake/product_events_months/")
        .await
        .into_keys()
        .collect()
}

/// What the latest version of the months' manifest says, without its header.
async fn manifest(rig: &Rig) -> Vec<Value> {
    let states = rig.objects("state/lake/product_events_months/files/").await;
    let (_, latest) = states.last_key_value().unwrap();
    let lines = latest.split(|byte| *byte == b'\n');
    lines
        .filter(|line| !line.is_empty())
        .skip(1)
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[tokio::test]
async fn a_month_that_is_over_becomes_one_file_of_its_days_which_stay() {
    let rig = rig_with_months().await;
    close_days(&rig).await;
    set_now(DUE - Duration::SECOND);
    rig.compact().await;
    assert_eq!(manifest_or_none(&rig).await, None, "late events may come");

    let mut seen = Vec::new();
    for hour in 0..5 {
        set_now(DUE + Duration::hours(hour));
        rig.compact().await;
        assert_eq!(
            query(&rig, "product_events").await,
            once(0..9),
            "hour {hour}"
        );
        let files = month_files(&rig).await.len();
        seen.push((files, query(&rig, "product_events_months").await.len()));
    }

    assert_eq!(seen, [(0, 0), (1, 0), (1, 9), (1, 9), (1, 9)]);
    assert_eq!(
        manifest(&rig).await,
        [] as [Value; 0],
        "nothing is left to do"
    );
    let files = rig.files_of("product_events_months").await;
    let (key, rows) = files.first_key_value().unwrap();
    assert!(key.starts_with("lake/product_events_months/month=2026-03/month-"));
    let days: Vec<&str> = rows.iter().map(|row| row["dt"].as_str().unwrap()).collect();
    let expected: Vec<String> = DAYS
        .iter()
        .flat_map(|day| vec![day.to_string(); 3])
        .collect();
    assert_eq!(days, expected);
    let day_files = rig.files_of("product_events").await;
    assert_eq!(day_files.len(), 3);
    let without_file_and_day = |mut row: crate::rows::Row| {
        row.remove("_file");
        row.remove("dt");
        row
    };
    let of_days: Vec<_> = day_files
        .into_values()
        .flatten()
        .map(without_file_and_day)
        .collect();
    let of_month: Vec<_> = files
        .into_values()
        .flatten()
        .map(without_file_and_day)
        .collect();
    assert_eq!(of_month, of_days);
}

/// Whether the months have a manifest at all.
async fn manifest_or_none(rig: &Rig) -> Option<String> {
    let states = rig.objects("state/lake/product_events_months/").await;
    states.into_keys().next()
}

#[tokio::test]
async fn a_late_event_reopens_its_day_and_its_month_and_no_look_at_it_differs_from_before_or_after()
{
    let rig = rig_with_months().await;
    close_days(&rig).await;
    for hour in 0..5 {
        set_now(DUE + Duration::hours(hour));
        rig.compact().await;
    }
    let before = once(0..9);
    let after = once(0..10);
    assert_eq!(query(&rig, "product_events_months").await, before);

    arrive(&rig, DAYS[1], [9]).await;
    let mut seen = Vec::new();
    for hour in 5..20 {
        assert_eq!(query(&rig, "product_events").await, after, "hour {hour}");
        seen.push(query(&rig, "product_events_months").await);
        set_now(DUE + Duration::hours(hour));
        rig.compact().await;
    }

    let change = seen.iter().position(|found| *found == after).unwrap();
    assert!(seen[..change].iter().all(|found| *found == before));
    assert!(seen[change..].iter().all(|found| *found == after));
    assert_eq!(month_files(&rig).await.len(), 2, "one of what came late");
    assert_eq!(manifest(&rig).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_run_that_was_cut_off_and_a_day_that_came_meanwhile_cost_and_double_nothing() {
    let rig = rig_with_months().await;
    close_days(&rig).await;
    set_now(DUE);
    rig.compact().await;
    let planned = manifest(&rig).await;
    let file = planned[0]["file"].as_str().unwrap();
    // A run stores the month and is interrupted; then a day comes that is not among those planned.
    set_now(DUE + Duration::HOUR);
    rig.compact().await;
    let states = rig.objects("state/lake/product_events_months/files/").await;
    let written = states.last_key_value().unwrap().0;
    rig.delete(written).await;
    let days = rig.objects("lake/product_events/closed/").await;
    let bytes = days.values().next().unwrap().to_vec();
    let other = format!(
        "lake/product_events/closed/dt=2026-03-15/day-{}.parquet",
        "0".repeat(32)
    );
    rig.put(&other, bytes).await;

    for hour in 2..10 {
        set_now(DUE + Duration::hours(hour));
        rig.compact().await;
    }

    let files = month_files(&rig).await;
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files.iter().any(|key| key.contains(file)), "{files:?}");
    let rows: usize = query(&rig, "product_events_months")
        .await
        .values()
        .map(|times| *times as usize)
        .sum();
    assert_eq!(rows, 12, "four days");
}

#[tokio::test]
async fn a_day_that_cannot_be_read_is_set_aside_and_its_month_is_copied_without_it() {
    let rig = rig_with_months().await;
    close_days(&rig).await;
    let days = rig
        .objects("lake/product_events/closed/dt=2026-03-02/")
        .await;
    let broken = days.keys().next().unwrap();
    rig.put(broken, "not Parquet").await;

    for hour in 0..4 {
        set_now(DUE + Duration::hours(hour));
        let report = rig.compact().await;
        assert_eq!(report.failed, []);
    }

    let months = query(&rig, "product_events_months").await;
    assert_eq!(months, once((0..3).chain(6..9)));
    assert!(!rig.objects("lake/").await.contains_key(broken));
    let rejected = rig.objects("rejected/product_events/").await;
    assert_eq!(rejected.len(), 2, "the file and the reason");
}

#[tokio::test]
async fn months_are_left_alone_unless_they_are_asked_for() {
    let rig = Rig::new().await;
    close_days(&rig).await;
    for hour in 0..3 {
        set_now(DUE + Duration::hours(hour));
        rig.compact().await;
    }

    let names: BTreeMap<String, _> = rig.objects("").await;

    assert!(
        names.keys().all(|key| !key.contains("_months")),
        "{names:?}"
    );
    assert_eq!(query(&rig, "product_events").await, once(0..9));
}
