//! Each user's events arrive in the order they happened.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::rig::{Rig, now_s, screen_views};

#[tokio::test]
async fn events_of_a_user_in_several_messages_and_requests_arrive_in_order() {
    let mut rig = Rig::new().await;
    rig.max_calls = 7;
    let start_s = now_s() - 1_000;
    // A user's messages arrive in reverse order, and so do the events within each.
    for part in (0..3).rev() {
        for user in 0..3 {
            let events: Vec<(String, i64)> = (0..8)
                .rev()
                .map(|n| (format!("{user}-{part}-{n}"), start_s + part * 100 + n))
                .collect();
            let events: Vec<(&str, i64)> = events
                .iter()
                .map(|(id, at_s)| (id.as_str(), *at_s))
                .collect();
            rig.send(&screen_views(&format!("user-{user}"), &events))
                .await;
        }
    }

    let report = rig.run().await;

    assert_eq!(report.events.sent, 72);
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    for arrival in rig.stand_in.events(0, usize::MAX) {
        let event: Value = serde_json::from_str(arrival.event.get()).unwrap();
        let (user, at_s) = (
            event["userId"].to_string(),
            event["createdAt"].as_i64().unwrap(),
        );
        let before = last.insert(user, at_s);
        assert!(before.is_none_or(|before| before < at_s), "{}", arrival.id);
    }
    assert!(rig.stand_in.counts().most_events_in_a_request <= 7);
}

#[tokio::test]
async fn events_of_many_messages_share_requests() {
    let rig = Rig::new().await;
    for n in 0..200 {
        rig.send(&screen_views(
            &format!("user-{n}"),
            &[(&format!("event-{n}"), now_s())],
        ))
        .await;
    }

    let report = rig.run().await;

    assert_eq!(report.events.sent, 200);
    assert!(report.requests <= 6, "{}", report.requests);
}
