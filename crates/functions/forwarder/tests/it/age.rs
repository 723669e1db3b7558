//! Events that are old.

use std::time::Duration;

use event_mapping::RejectReason;

use crate::rig::{Rig, now_s, screen_views};

#[tokio::test]
async fn old_events_are_rejected_past_the_limit_and_counted_as_late_below_it() {
    let mut rig = Rig::new().await;
    rig.settings.max_event_age = Some(Duration::from_hours(48));
    let hours_ago = |hours: i64| now_s() - hours * 3_600;
    rig.send(&screen_views(
        "ada",
        &[
            ("new", now_s()),
            ("late", hours_ago(30)),
            ("old", hours_ago(50)),
        ],
    ))
    .await;

    let report = rig.run().await;

    assert_eq!((report.events.sent, report.events.late), (2, 1));
    assert_eq!(report.events.rejected[&RejectReason::TooOld], 1);
    assert_eq!(rig.rejected().await[0]["reason"], "too_old_for_destination");
}
