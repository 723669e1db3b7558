//! Purchases, profiles, and the archive.

use serde_json::{Value, json};

use crate::rig::{Rig, now_s, screen_views};

#[tokio::test]
async fn purchases_and_profiles_go_to_their_own_endpoints() {
    let rig = Rig::new()
        .await
        .with_mapping(r#"{"scope":"everything","profiles":true}"#);
    rig.change(json!({ "only_known_users": true }));
    let purchase = json!({ "event_type": "commerce_event", "data": {
        "source_message_id": "p1", "timestamp_unixtime_ms": now_s() * 1_000,
        "product_action": { "action": "purchase", "total_amount": "23.80",
            "products": [{ "id": "tea", "name": "Tea", "price": 11.9, "quantity": 2 }] } } });
    let mut batch: Value = serde_json::from_str(&screen_views("ada", &[("1", now_s())])).unwrap();
    batch["events"].as_array_mut().unwrap().push(purchase);
    batch["user_attributes"] = json!({ "favourite_tea": "Assam" });
    rig.send(&batch.to_string()).await;

    let report = rig.run().await;

    // The profile creates the user that the event needs, so it is sent first.
    assert_eq!(
        (
            report.events.received(),
            report.events.sent,
            report.requests
        ),
        (2, 2, 3)
    );
    let counts = rig.stand_in.counts();
    assert_eq!((counts.events, counts.purchases, counts.users), (1, 1, 1));
    assert_eq!(rig.depth().await.total(), 0);
}

#[tokio::test]
async fn every_message_is_archived_to_the_byte() {
    let rig = Rig::new().await;
    let bodies = [
        screen_views("ada", &[("1", now_s())]),
        "{ cut \u{1f375}".to_owned(),
        "[]".to_owned(),
        r#"{"mpid": -196509116834317511, "a": "\u0000 é"}"#.to_owned(),
    ];
    for body in &bodies {
        rig.send(body).await;
    }

    let report = rig.run().await;

    assert_eq!((report.messages.archived, report.messages.deleted), (4, 4));
    let mut archived: Vec<String> = rig
        .archived()
        .await
        .values()
        .map(|message| message["body"].as_str().unwrap().to_owned())
        .collect();
    let mut sent = bodies.to_vec();
    archived.sort();
    sent.sort();
    assert_eq!(archived, sent);
    let keys = rig.keys("raw/mparticle/dt=").await;
    assert!(keys.iter().all(|key| key.contains("/hour=")), "{keys:?}");
}

#[tokio::test]
async fn empty_queue_is_a_run_that_does_nothing() {
    let rig = Rig::new().await;

    let report = rig.run().await;

    assert_eq!(report.end, forwarder::RunEnd::QueueEmpty);
    assert_eq!((report.requests, report.messages.archived), (0, 0));
    assert!(rig.keys("").await.is_empty());
}
