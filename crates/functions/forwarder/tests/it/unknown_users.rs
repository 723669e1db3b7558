//! Events of users that Iterable does not know.

use std::time::Duration;

use event_mapping::{RejectReason, SkipReason};
use forwarder::UnknownUsers;
use serde_json::json;

use crate::rig::{Rig, now_s, screen_views};

async fn with_unknown(policy: UnknownUsers) -> Rig {
    let mut rig = Rig::new().await;
    rig.settings.unknown_users = policy;
    // Long enough not to be received again in the same run.
    rig.settings.visibility.for_new_user = Duration::from_secs(8);
    rig.change(json!({ "only_known_users": true }));
    rig.send(&screen_views("ada", &[("1", now_s()), ("2", now_s())]))
        .await;
    rig
}

#[tokio::test]
async fn retry_leaves_them_until_the_user_is_known() {
    let rig = with_unknown(UnknownUsers::Retry).await;

    let report = rig.run().await;
    assert_eq!((report.events.received(), report.messages.released), (0, 1));
    assert_eq!(rig.depth().await.total(), 1);

    rig.change(json!({ "only_known_users": false }));
    rig.run_until_empty().await;
    assert_eq!(rig.arrived().len(), 2);
    assert_eq!(rig.metric("received"), 2);
}

#[tokio::test]
async fn create_makes_the_user_and_a_later_run_sends_the_events() {
    let rig = with_unknown(UnknownUsers::Create).await;

    let report = rig.run().await;
    assert_eq!(report.messages.released, 1);
    assert_eq!(rig.stand_in.counts().users, 1);
    assert!(rig.arrived().is_empty());

    rig.run_until_empty().await;
    assert_eq!(rig.arrived().len(), 2);
}

#[tokio::test]
async fn drop_skips_them() {
    let rig = with_unknown(UnknownUsers::Drop).await;

    let report = rig.run().await;

    assert_eq!(report.events.skipped[&SkipReason::UnknownUser], 2);
    assert_eq!(rig.depth().await.total(), 0);
}

#[tokio::test]
async fn retries_end() {
    let mut rig = with_unknown(UnknownUsers::Retry).await;
    rig.settings.unknown_user_retry_for = Duration::ZERO;

    let report = rig.run().await;

    assert_eq!(report.events.rejected[&RejectReason::UnknownUser], 2);
    assert_eq!(rig.rejected().await.len(), 2);
    assert_eq!(rig.depth().await.total(), 0);
}
