//! One bad item among good ones is rejected alone.

use std::time::Duration;

use event_mapping::RejectReason;
use serde_json::json;

use crate::rig::{Rig, now_s, screen_views};

#[tokio::test]
async fn bodies_and_events_that_cannot_be_used_are_written_down_and_the_rest_is_sent() {
    let rig = Rig::new().await;
    let mut batch: serde_json::Value =
        serde_json::from_str(&screen_views("ada", &[("1", now_s())])).unwrap();
    batch["events"]
        .as_array_mut()
        .unwrap()
        .push(json!("no event"));
    rig.send(&batch.to_string()).await;
    rig.send("{ cut").await;
    rig.send(r#"{"type":"event_processing_request","firehose_version":"2","events":[]}"#)
        .await;

    let report = rig.run().await;

    assert_eq!((report.events.received(), report.events.sent), (4, 1));
    assert_eq!(rig.depth().await.total(), 0);
    let mut reasons: Vec<_> = rig
        .rejected()
        .await
        .iter()
        .map(|line| line["reason"].as_str().unwrap().to_owned())
        .collect();
    reasons.sort();
    assert_eq!(
        reasons,
        ["firehose_format", "malformed_json", "not_an_event"]
    );
    let archived = rig.archived().await;
    for line in rig.rejected().await {
        assert!(archived.contains_key(line["message_id"].as_str().unwrap()));
        assert!(rig.keys(line["source_key"].as_str().unwrap()).await.len() == 1);
    }
}

#[tokio::test]
async fn event_that_makes_iterable_refuse_the_request_is_found_by_halving() {
    let rig = Rig::new()
        .await
        .with_mapping(r#"{"attributes":{"coerce":"as_sent"}}"#);
    let view = |id: &str, size: serde_json::Value| {
        let mut batch: serde_json::Value =
            serde_json::from_str(&screen_views(id, &[(id, now_s())])).unwrap();
        batch["events"][0]["data"]["custom_attributes"] = json!({ "size": size });
        batch.to_string()
    };
    for n in 0..9 {
        rig.send(&view(&format!("good-{n}"), json!("L"))).await;
    }
    rig.run().await;
    // The field is a string from now on.
    rig.send(&view("bad", json!(5))).await;
    for n in 10..19 {
        rig.send(&view(&format!("good-{n}"), json!("M"))).await;
    }

    let report = rig.run().await;

    assert_eq!((report.events.sent, report.events.rejected_total()), (9, 1));
    assert_eq!(rig.arrived().len(), 18);
    let rejected = rig.rejected().await;
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0]["reason"], "refused_by_destination");
    assert_eq!(
        rejected[0]["detail"],
        "RequestFieldsTypesMismatched: size (expected string)"
    );
    assert!(rejected[0]["item"].as_str().unwrap().contains("\"bad\""));
}

#[tokio::test]
async fn users_that_iterable_refuses_take_nobody_along() {
    let rig = Rig::new().await;
    rig.change(json!({ "invalid_users": ["bad"], "forgotten_users": ["gone"] }));
    for user in ["ada", "bad", "bob", "gone", "eve"] {
        let events = [
            (format!("{user}-1"), now_s()),
            (format!("{user}-2"), now_s()),
        ];
        let events: Vec<_> = events
            .iter()
            .map(|(id, at_s)| (id.as_str(), *at_s))
            .collect();
        rig.send(&screen_views(user, &events)).await;
    }

    let report = rig.run().await;

    assert_eq!(report.events.sent, 6);
    assert_eq!(report.events.rejected[&RejectReason::InvalidUser], 2);
    assert_eq!(report.events.rejected[&RejectReason::ForgottenUser], 2);
    assert_eq!(rig.arrived().len(), 6);
}

#[tokio::test]
async fn names_that_iterable_does_not_take_are_rejected() {
    let rig = Rig::new().await;
    rig.change(json!({ "disallowed_event_names": ["screen_view"] }));
    rig.send(&screen_views("ada", &[("1", now_s()), ("2", now_s())]))
        .await;

    let report = rig.run().await;

    assert_eq!(
        report.events.rejected[&RejectReason::DisallowedEventName],
        2
    );
    assert_eq!(report.requests, 1);
}

#[tokio::test]
async fn each_refusal_by_chance_ends_with_every_event_taken() {
    for fault in [
        "users_failed",
        "unnamed_failures",
        "invalid_item",
        "refused",
        "too_large",
    ] {
        let rig = Rig::new().await;
        rig.change(json!({ "next": [{ "fault": fault }] }));
        for user in ["ada", "bob", "eve"] {
            rig.send(&screen_views(
                user,
                &[
                    (&format!("{user}-1"), now_s()),
                    (&format!("{user}-2"), now_s()),
                ],
            ))
            .await;
        }

        let report = rig.run().await;

        assert_eq!(
            (report.events.sent, report.events.rejected_total()),
            (6, 0),
            "{fault}"
        );
        assert_eq!(rig.arrived().len(), 6, "{fault}");
    }
}

#[tokio::test]
async fn message_whose_rejections_cannot_be_written_down_stays() {
    let mut rig = Rig::new().await;
    rig.send("{ cut").await;
    let bucket = std::mem::replace(&mut rig.bucket, "no-such-bucket".to_owned());

    let report = rig.run_for(Duration::from_secs(20)).await;

    assert_eq!(report.messages.deleted, 0);
    assert!(
        matches!(report.end, forwarder::RunEnd::ArchiveFailed(_)),
        "{:?}",
        report.end
    );
    rig.bucket = bucket;
    rig.run_until_empty().await;
    assert_eq!(rig.rejected().await.len(), 1);
}
