//! No content of events, no address and no key is logged, whatever the outcome.

use function_kit::capture::CapturedLog;
use serde_json::json;

use crate::rig::{Rig, now_s, screen_views};

#[tokio::test]
async fn planted_users_ids_and_texts_are_in_no_log() {
    let log = CapturedLog::start();
    let rig = Rig::new().await;
    rig.change(json!({
        "invalid_users": ["planted-user"],
        "next": [{ "fault": "unavailable" }, { "fault": "refused" }, { "fault": "invalid_item" }],
    }));
    rig.send(&screen_views("planted-user", &[("planted-id", now_s())]))
        .await;
    rig.send(&screen_views(
        "planted-friend",
        &[("planted-other", now_s())],
    ))
    .await;
    rig.send("{ planted-text").await;

    let report = rig.run().await;

    assert_eq!(report.events.received(), 3);
    let printed = [log.text(), rig.metrics.text()].concat();
    for line in [
        "destination unavailable, request will be repeated",
        "run ended",
    ] {
        assert!(printed.contains(line), "{line} is missing: {printed}");
    }
    assert!(!printed.contains("planted"), "{printed}");
}
