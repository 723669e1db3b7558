use std::{io::Write as _, time::Duration};

use aws_io::Aws;
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use test_bucket::Bucket;
use time::macros::{date, datetime};

use crate::rig::{NONE, Rig, raw_key, set_now};

const EVENTS: &str = "{\"event\":\"a\",\"userId\":\"u\",\"dateTime\":\"2026-03-01 10:00:00\"}\n\
                      junk\n\
                      {\"event\":\"b\",\"userId\":\"u\",\"dateTime\":\"2026-02-28 23:59:59\"}\n";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn records_become_rows_of_their_day_or_rejections() {
    let rig = Rig::new().await;
    let key = raw_key(10, "x");
    rig.put(&key, gzip(EVENTS)).await;

    let retried = rig.deliver(&[&key]).await;

    assert_eq!(retried, NONE);
    let files = rig.files().await;
    let folders: Vec<&str> = files
        .keys()
        .map(|key| key.split_once("/part-").unwrap().0)
        .collect();
    let expected = ["2026-02-28", "2026-03-01"]
        .map(|day| format!("lake/product_events/new/at=2026-03-01/dt={day}"));
    assert_eq!(folders, expected);
    let events: Vec<&Value> = files.values().flatten().map(|row| &row["event"]).collect();
    assert_eq!(events, ["b", "a"]);
    let rejections = rig.rejections().await;
    assert_eq!(rejections.len(), 1);
    assert_eq!(
        (&rejections[0]["source_key"], &rejections[0]["item"]),
        (&key.into(), &"junk".into())
    );
    assert_eq!(rig.counts(), [3, 2, 0, 1, 0]);
}

#[tokio::test]
async fn the_same_notice_twice_changes_nothing() {
    let rig = Rig::new().await;
    let key = raw_key(10, "x");
    rig.put(&key, gzip(EVENTS)).await;
    rig.deliver(&[&key]).await;
    let before = rig.objects("").await;

    let retried = rig.deliver(&[&key, &key]).await;

    assert_eq!(retried, NONE);
    assert_eq!(rig.objects("").await, before);
    assert_eq!(rig.counts(), [9, 2, 6, 1, 0]);
}

/// Each time that it comes, another day is today; under which its part is filed must not matter.
#[tokio::test]
async fn an_object_of_old_that_comes_on_two_days_is_there_once() {
    let rig = Rig::new().await;
    let key = "raw/track/dt=2026-01-05/hour=10/x.gz";
    rig.put(key, gzip(EVENTS)).await;
    for now in [
        datetime!(2026-03-01 23:59:59 UTC),
        datetime!(2026-03-02 00:00:01 UTC),
    ] {
        set_now(now);
        assert_eq!(rig.deliver(&[key]).await, NONE);
    }

    let files: Vec<String> = rig.files().await.into_keys().collect();
    let [file] = &files[..] else {
        panic!("{files:?}");
    };
    assert!(
        file.starts_with("lake/product_events/new/at=2026-03-01/"),
        "{file}"
    );
}

#[tokio::test]
async fn one_object_that_cannot_be_used_is_rejected_alone() {
    let rig = Rig::new().await;
    let (first, missing, last) = (raw_key(1, "a"), raw_key(2, "b"), raw_key(3, "c"));
    rig.put(&first, gzip(EVENTS)).await;
    rig.put(&last, EVENTS).await;

    let mut messages = [&first, &missing, &last]
        .map(|key| rig.bucket().notification(&[key]))
        .to_vec();
    messages.push("not a notification".to_owned());
    messages.push(r#"{"Event":"s3:TestEvent"}"#.to_owned());
    let retried = rig
        .deliver_messages(&messages, Duration::from_mins(1))
        .await;

    assert_eq!(retried, NONE);
    assert_eq!(rig.files().await.values().flatten().count(), 4);
    let mut reasons: Vec<String> = rig
        .rejections()
        .await
        .iter()
        .map(|line| line["reason"].as_str().unwrap().to_owned())
        .collect();
    reasons.sort();
    assert_eq!(
        reasons,
        [
            "not_a_notification",
            "not_json",
            "not_json",
            "object_missing"
        ]
    );
}

#[tokio::test]
async fn when_s3_is_away_every_message_comes_back_and_nothing_is_lost() {
    let rig = Rig::new().await;
    let key = raw_key(10, "x");
    rig.put(&key, gzip(EVENTS)).await;
    let mut away = rig.clone();
    away.deps.s3 = Aws::local("http://127.0.0.1:9").await.s3();

    assert_eq!(away.deliver(&[&key]).await, [0]);
    assert!(rig.objects("lake/").await.is_empty());
    assert_eq!(rig.deliver(&[&key]).await, NONE);
    assert_eq!(rig.files().await.values().flatten().count(), 2);
}

#[tokio::test]
async fn no_time_left_means_later() {
    let rig = Rig::new().await;
    let key = raw_key(10, "x");
    rig.put(&key, gzip(EVENTS)).await;

    let retried = rig
        .deliver_messages(&[rig.bucket().notification(&[&key])], Duration::ZERO)
        .await;

    assert_eq!(retried, [0]);
    assert!(rig.objects("lake/").await.is_empty());
}

#[tokio::test]
async fn objects_of_an_older_layout_and_of_another_bucket_come_in_too() {
    let mut rig = Rig::new().await;
    rig.deps.config.first_day = date!(2018 - 01 - 01);
    let other = Bucket::create("archiver").await;
    let key = "analytics_raw/2018/03/15/22/analytics-1-2018-03-15-22-58-01-f0e1";
    let events = "{\"event\":\"LOGIN\",\"userId\":\"joe3\",\"dateTime\":\"2018-03-15 22:57:00\"}{\"event\":\"LOGIN\"}";
    rig.put(key, events).await;
    other.put(key, events).await;

    let messages = [rig.bucket(), &other].map(|bucket| bucket.notification(&[key]));
    let retried = rig
        .deliver_messages(&messages, Duration::from_mins(1))
        .await;

    assert_eq!(retried, NONE);
    let files = rig.files().await;
    assert_eq!(files.len(), 2, "two objects of one key are two sources");
    assert!(
        files
            .keys()
            .all(|key| key.starts_with("lake/product_events/new/at=2026-03-01/dt=2018-03-15/part-"))
    );
    assert!(files.values().all(|rows| rows.len() == 2));
}

#[tokio::test]
async fn an_object_from_before_the_first_day_waits_for_an_operator() {
    let rig = Rig::new().await;
    let key = "analytics_raw/2018/03/15/22/x";
    rig.put(key, EVENTS).await;

    assert_eq!(rig.deliver(&[key]).await, [0]);
    assert!(rig.objects("lake/").await.is_empty());
}

#[tokio::test]
async fn notices_about_the_lake_itself_are_not_followed() {
    let rig = Rig::new().await;
    let key = raw_key(10, "x");
    rig.put(&key, gzip(EVENTS)).await;
    rig.deliver(&[&key]).await;
    let before = rig.objects("").await;
    let own: Vec<&str> = before
        .keys()
        .map(String::as_str)
        .filter(|key| !key.starts_with("raw/"))
        .collect();
    assert_eq!(own.len(), 3);

    let retried = rig.deliver(&own).await;

    assert_eq!(retried, NONE);
    assert_eq!(rig.objects("").await, before);
}
