//! The same event twice changes nothing.

use std::time::Duration;

use aws_io::queue::{ReplayedMessage, send_again};

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
async fn replayed_message_is_sent_under_its_id_and_not_archived_again() {
    let rig = Rig::new().await;
    let body = screen_views("ada", &[("1", now_s())]);
    rig.send(&body).await;
    rig.run().await;
    let archived = rig.keys("raw/mparticle/").await;
    let sent_at_ms = (now_s() - 86_400) * 1_000;
    let message = ReplayedMessage {
        body: &body,
        sent_at_ms,
        archived_as: Some(&archived[0]),
    };

    send_again(&rig.sqs, &rig.queue_url, message).await.unwrap();
    let report = rig.run().await;

    assert_eq!((report.events.sent, report.messages.archived), (1, 0));
    assert_eq!(rig.stand_in.event("1").unwrap().deliveries, 2);
    assert_eq!(rig.keys("raw/mparticle/").await, archived);
    assert_eq!(rig.depth().await.total(), 0);
}

#[tokio::test]
async fn rejection_of_a_replayed_message_names_its_object_and_its_age_counts_from_its_first_arrival()
 {
    let mut rig = Rig::new().await;
    rig.settings.max_event_age = Some(Duration::from_hours(1));
    // An event without a time is as old as its message.
    let body = r#"{"user_identities":{"customer_id":"ada"},"environment":"production",
        "events":[{"event_type":"screen_view","data":{"source_message_id":"1","screen_name":"Home"}}]}"#;
    let message = ReplayedMessage {
        body,
        sent_at_ms: (now_s() - 86_400) * 1_000,
        archived_as: Some("raw/mparticle/dt=2026-01-31/hour=12/run-1.ndjson.gz"),
    };

    send_again(&rig.sqs, &rig.queue_url, message).await.unwrap();
    rig.run().await;

    let rejected = rig.rejected().await;
    assert_eq!(rejected.len(), 1, "{rejected:?}");
    assert_eq!(rejected[0]["source_key"].as_str(), message.archived_as);
    assert_eq!(rejected[0]["reason"], "too_old_for_destination");
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
