//! A dependency that is down leaves the messages in the queue, and nothing is lost.

use std::time::Duration;

use aws_io::Aws;
use forwarder::{RunEnd, RunReport};
use serde_json::json;
use tokio::time::Instant;

use crate::rig::{AMPLE, Rig, now_s, screen_views};

async fn with_messages(count: usize) -> Rig {
    let rig = Rig::new().await;
    for n in 0..count {
        rig.send(&screen_views(
            &format!("user-{n}"),
            &[(&format!("event-{n}"), now_s())],
        ))
        .await;
    }
    rig
}

fn nothing_settled(report: &RunReport) {
    assert_eq!((report.events.received(), report.messages.deleted), (0, 0));
}

#[tokio::test]
async fn destination_that_is_down_costs_ten_messages_one_receive() {
    let rig = with_messages(35).await;
    rig.change(json!({ "next": [{ "fault": "unavailable", "times": 1000 }] }));

    let report = rig.run_for(Duration::from_secs(6)).await;

    nothing_settled(&report);
    assert_eq!(
        report.end,
        RunEnd::DestinationUnavailable("status 503".to_owned())
    );
    assert!(
        report.messages.archived <= 10 && report.messages.released == report.messages.archived,
        "{report:?}"
    );
    assert_eq!(rig.depth().await.total(), 35);
    rig.change(json!({ "next": [] }));
    rig.run_until_empty().await;
    assert_eq!(rig.arrived().len(), 35);
    assert_eq!(rig.dead_letters().await, 0);
}

#[tokio::test]
async fn outage_that_ends_within_the_run_delays_it_only() {
    let rig = with_messages(5).await;
    rig.change(json!({ "next": [{ "fault": "rate_limited", "times": 2 }] }));
    let start = Instant::now();

    let report = rig.run().await;

    assert_eq!(
        (report.end, report.events.sent, report.requests),
        (RunEnd::QueueEmpty, 5, 3)
    );
    assert!(
        start.elapsed() >= Duration::from_secs(2),
        "Retry-After: 1, twice"
    );
}

#[tokio::test]
async fn destination_that_nobody_answers_for_leaves_everything() {
    let mut rig = with_messages(3).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = std::mem::replace(
        &mut rig.stand_in_url,
        format!("http://{closed}").parse().unwrap(),
    );

    let report = rig.run_for(Duration::from_secs(6)).await;

    nothing_settled(&report);
    assert_eq!(
        report.end,
        RunEnd::DestinationUnavailable("no connection".to_owned())
    );
    rig.stand_in_url = url;
    rig.run_until_empty().await;
    assert_eq!(rig.arrived().len(), 3);
}

#[tokio::test]
async fn answer_that_never_comes_is_not_waited_for_past_the_run() {
    let rig = with_messages(3).await;
    rig.change(json!({ "next": [{ "fault": "hang", "times": 100 }] }));
    let start = Instant::now();

    let report = rig.run_for(Duration::from_secs(6)).await;

    nothing_settled(&report);
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
    rig.change(json!({ "next": [] }));
    rig.run_until_empty().await;
    assert_eq!(rig.arrived().len(), 3);
}

#[tokio::test]
async fn refused_key_ends_the_run_at_once_and_consumes_nothing() {
    for (fault, status) in [("unauthorized", "401"), ("forbidden", "403")] {
        let rig = with_messages(15).await;
        rig.change(json!({ "next": [{ "fault": fault }] }));

        let report = rig.run().await;

        nothing_settled(&report);
        assert_eq!(
            report.end,
            RunEnd::DestinationRefused(format!("status {status}"))
        );
        assert_eq!(report.requests, 1);
        assert_eq!(rig.metric("destination_refused"), 1);
        rig.run_until_empty().await;
        assert_eq!(rig.arrived().len(), 15);
    }
}

#[tokio::test]
async fn archive_that_is_down_leaves_everything_and_sends_nothing() {
    let mut rig = with_messages(3).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let away = Aws::local(&format!("http://{closed}")).await.s3();
    let s3 = std::mem::replace(&mut rig.s3, away);

    let report = rig.run_for(Duration::from_secs(20)).await;

    nothing_settled(&report);
    assert!(
        matches!(report.end, RunEnd::ArchiveFailed(_)),
        "{:?}",
        report.end
    );
    assert!(rig.arrived().is_empty());
    rig.s3 = s3;
    rig.run_until_empty().await;
    assert_eq!(rig.arrived().len(), 3);
}

#[tokio::test]
async fn queue_that_is_gone_ends_the_run() {
    let mut rig = Rig::new().await;
    rig.queue_url.push_str("-gone");

    let report = rig.run_for(Duration::from_secs(20)).await;

    assert!(
        matches!(report.end, RunEnd::QueueFailed(_)),
        "{:?}",
        report.end
    );
}

#[tokio::test]
async fn run_without_time_takes_no_more_than_it_can_send_and_the_next_goes_on() {
    let mut rig = with_messages(60).await;
    rig.max_calls = 1;
    rig.rates.bulk = 10.0;

    let report = rig.run_for(Duration::from_secs(3)).await;

    assert_eq!(report.end, RunEnd::OutOfTime);
    assert!((10..35).contains(&report.events.sent), "{report:?}");
    rig.rates.bulk = 200.0;
    let report = rig.run_for(AMPLE).await;
    assert_eq!(report.end, RunEnd::QueueEmpty);
    assert_eq!(rig.arrived().len(), 60);
    assert_eq!(rig.depth().await.total(), 0);
}
