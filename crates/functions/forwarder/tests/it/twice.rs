//! The same event twice changes nothing.

use std::time::Duration;

use crate::rig::{Rig, now_s, screen_views};

#[tokio::test]
async fn message_delivered_twice_is_one_event_each() {
    let rig = Rig::new().await;
    let body = screen_views("ada", &[("1", now_s()), ("2", now_s())]);
    rig.send(&body).await;
    rig.send(&body).await;

    let report = rig.run().await;

    assert_eq!((report.events.received(), report.events.sent), (4, 2));
    assert_eq!(report.events.skipped_total(), 2);
    assert_eq!(rig.arrived().len(), 2);
    assert_eq!(rig.stand_in.counts().event_deliveries, 2);
    assert_eq!(rig.depth().await.total(), 0);
}

#[tokio::test]
async fn event_sent_again_later_arrives_under_its_id() {
    let rig = Rig::new().await;
    let body = screen_views("ada", &[("1", now_s())]);
    rig.send(&body).await;
    rig.run().await;
    let first = rig.stand_in.event("1").unwrap();

    rig.send(&body).await;
    rig.run().await;

    let again = rig.stand_in.event("1").unwrap();
    assert_eq!((first.deliveries, again.deliveries), (1, 2));
    assert_eq!(first.event.get(), again.event.get());
    assert_eq!(rig.arrived().len(), 1);
}

#[tokio::test]
async fn lost_answer_repeats_the_request_under_the_same_ids() {
    let rig = Rig::new().await;
    rig.change(
        serde_json::json!({ "next": [{ "fault": "response_lost" }, { "fault": "response_cut" }] }),
    );
    rig.send(&screen_views("ada", &[("1", now_s()), ("2", now_s())]))
        .await;

    let report = rig.run().await;

    assert_eq!((report.events.sent, report.requests), (2, 3));
    assert_eq!(rig.arrived().len(), 2);
    assert_eq!(rig.stand_in.event("1").unwrap().deliveries, 3);
}

#[tokio::test]
async fn two_runs_at_once_do_no_harm() {
    let rig = Rig::new().await;
    let mut ids = Vec::new();
    for n in 0..60 {
        let id = format!("event-{n}");
        rig.send(&screen_views(&format!("user-{n}"), &[(&id, now_s())]))
            .await;
        ids.push(id);
    }

    let (one, other) = tokio::join!(
        rig.run_for(Duration::from_secs(40)),
        rig.run_for(Duration::from_secs(40))
    );

    assert_eq!(one.events.sent + other.events.sent, 60);
    assert_eq!(rig.arrived(), ids.into_iter().collect());
    assert_eq!(rig.depth().await.total(), 0);
}
