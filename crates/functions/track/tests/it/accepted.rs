use std::{collections::BTreeSet, fs};

use aws_io::gzip;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    firehose::Firehose,
    rig::{KEY, Rig, request},
};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../events/track");

#[tokio::test]
async fn every_sample_gets_the_response_of_its_readme() {
    let readme = fs::read_to_string(format!("{SAMPLES}/README.md")).unwrap();
    let mut sample_count = 0;
    for line in readme.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let Some(name) = cells
            .get(1)
            .and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`'))
        else {
            continue;
        };
        let Ok(body) = fs::read(format!("{SAMPLES}/{name}")) else {
            continue;
        };
        let (status, position) = match cells[2].split_once(", ") {
            Some((status, position)) => (status, position),
            None if cells[2].len() == 3 => (cells[2], ""),
            None => continue,
        };
        let firehose = Firehose::start([]).await;
        let rig = Rig::before(&firehose.url).await;

        let answer = rig.post(body).await;

        assert_eq!(answer.status.as_str(), status, "{name}: {}", answer.body);
        assert!(answer.body.contains(position), "{name}: {}", answer.body);
        assert_eq!(firehose.events().is_empty(), status != "204", "{name}");
        sample_count += 1;
    }
    assert_eq!(sample_count, 8);
}

#[tokio::test]
async fn events_of_a_request_are_one_record_with_time_and_ids() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;

    let answer = rig
        .post(r#"[{"event":"a","eventId":"mine"},{"event":"b"},{"event":"b"}]"#)
        .await;

    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::NO_CONTENT, "")
    );
    assert_eq!(firehose.taken().len(), 1);
    let events = firehose.events();
    let received: BTreeSet<&str> = events
        .iter()
        .map(|event| event["receivedAt"].as_str().unwrap())
        .collect();
    assert_eq!(received, BTreeSet::from(["2026-03-01T12:00:00.000Z"]));
    assert_eq!(events[0]["eventId"], "mine");
    let ids: BTreeSet<&str> = events
        .iter()
        .map(|event| event["eventId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 3);
    // Accepted requests are not logged.
    assert_eq!(rig.metric_lines(), "");
}

#[tokio::test]
async fn gzip_is_expanded_and_many_events_are_packed_densely() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;
    let event = json!({ "event": "a", "eventId": "x", "text": "x".repeat(900) }).to_string();
    let body = gzip::encode(event.repeat(7_000).as_bytes());

    let answer = rig.post(body).await;

    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
    assert_eq!(firehose.events().len(), 7_000);
    assert_eq!(firehose.taken().len(), 7);
    // Four million bytes per call.
    assert_eq!(firehose.calls(), [4, 3]);
}

#[tokio::test]
async fn the_same_request_with_its_idempotency_key_gets_the_same_ids() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;
    let with_key = || {
        request(
            "POST",
            &[KEY, ("idempotency-key", "k")],
            r#"{"a":1}{"a":1}"#,
        )
    };

    for request in [
        with_key(),
        with_key(),
        request("POST", &[KEY], r#"{"a":1}{"a":1}"#),
    ] {
        assert_eq!(rig.send(request).await.status, StatusCode::NO_CONTENT);
    }

    let ids: Vec<Value> = firehose
        .events()
        .into_iter()
        .map(|mut event| event["eventId"].take())
        .collect();
    assert_eq!(ids[..2], ids[2..4]);
    let different: BTreeSet<String> = ids.iter().map(Value::to_string).collect();
    assert_eq!(different.len(), 4);
}

#[tokio::test]
async fn limits_are_413_and_nothing_is_accepted() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::with(&firehose.url, &[("MAX_BODY_BYTES", "2000000")]).await;
    let long = format!(r#"{{"event":"a"}}{{"event":"{}"}}"#, "x".repeat(1_100_000));
    let bomb = gzip::encode(&vec![b' '; 11 << 20]);

    for (body, told) in [
        (
            vec![b' '; 2_000_001],
            "larger than the limit of this endpoint",
        ),
        (long.into_bytes(), "event 2 has more than 1,000 KiB"),
        (bomb, "expands to more than 10 MiB"),
    ] {
        let answer = rig.post(body).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(answer.body.contains(told), "{}", answer.body);
    }
    assert!(firehose.calls().is_empty());
    assert_eq!(rig.metric_lines().lines().count(), 3);
}

#[tokio::test]
async fn what_looks_like_an_unknown_envelope_is_accepted_counted_and_reported() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;
    let body = r#"{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1"},{"id":"2"}]}"#;

    let answer = rig.post(body).await;

    assert_eq!(answer.status, StatusCode::OK);
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(answer["warnings"][0]["message"], "taken as one event");
    assert_eq!(firehose.events()[0]["logEvents"][1]["id"], "2");
    assert!(
        rig.metric_lines().contains(r#""envelopes_kept":1"#),
        "{}",
        rig.metric_lines()
    );
}
