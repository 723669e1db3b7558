use function_kit::capture::CapturedLog;
use time::{Duration, macros::datetime};

use crate::rig::{Rig, raw_key, set_now};

#[tokio::test]
async fn nothing_of_an_event_is_in_any_log() {
    let log = CapturedLog::start();
    let rig = Rig::new().await;
    let key = raw_key(10, "x");
    rig.put(
        &key,
        "{\"event\":\"planted\",\"userId\":\"planted\",\"planted\":\"planted\"}\nplanted\n{\"planted\":planted}\n",
    )
    .await;

    rig.deliver(&[&key, "raw/track/missing"]).await;
    rig.deliver_messages(&["planted".to_owned()], std::time::Duration::from_mins(1))
        .await;
    for hour in 0..4 {
        set_now(datetime!(2026-03-02 03:00 UTC) + Duration::hours(hour));
        rig.compact().await;
    }

    let printed = [log.text(), rig.metric_lines()].concat();
    for line in [
        "object archived",
        "some records were rejected",
        "rejected",
        "day merged",
    ] {
        assert!(printed.contains(line), "{line} is missing: {printed}");
    }
    assert!(!printed.contains("planted"), "{printed}");
}
