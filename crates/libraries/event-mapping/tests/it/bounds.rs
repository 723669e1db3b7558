//! The results for a body are bounded, and every item is counted.

use event_mapping::{
    Arrival, MAX_CALL_BYTES, MAX_SINGLE_REJECTIONS, Mapped, Mapper, MappingConfig, RejectReason,
};

const NOW_MS: i64 = 1_767_312_000_000;

fn list(item: &str, count: usize) -> String {
    format!("[{}]", vec![item; count].join(","))
}

fn map(body: &str) -> Mapped<'_> {
    let mapper = Mapper::new(MappingConfig::default()).unwrap();
    mapper.map(
        body,
        &Arrival {
            sent_at_ms: NOW_MS,
            now_ms: NOW_MS,
            max_age_ms: None,
        },
    )
}

#[test]
fn elements_that_are_no_events_or_no_batches_are_counted_after_the_first_thousand() {
    for (body, reason) in [
        (
            format!(r#"{{"events":{}}}"#, list("0", 100_000)),
            RejectReason::NotAnEvent,
        ),
        (list("0", 100_000), RejectReason::NotABatch),
        (list("{}", 100_000), RejectReason::NotABatch),
        (
            list(r#"{"event_type":1}"#, 100_000),
            RejectReason::BareEvent,
        ),
    ] {
        let mapped = map(&body);

        assert_eq!(mapped.events.len(), MAX_SINGLE_REJECTIONS);
        let more = 100_000 - MAX_SINGLE_REJECTIONS as u64;
        assert_eq!(mapped.more.rejected.get(&reason), Some(&more), "{reason}");
        assert_eq!(mapped.more.rejected_ordinals, Some((1_000, 99_999)));
    }
}

#[test]
fn skipped_events_are_counted_after_the_first_thousand() {
    let body = format!(r#"{{"mpid":1,"events":{}}}"#, list("{}", 5_000));

    let mapped = map(&body);

    assert_eq!(mapped.events.len(), MAX_SINGLE_REJECTIONS);
    assert_eq!(mapped.more.skipped.values().sum::<u64>(), 4_000);
}

#[test]
fn what_is_said_once_and_copied_into_each_event_is_bounded() {
    let platform = "x".repeat(30_000);
    let events = list(r#"{"event_type":"session_start"}"#, 10_000);
    let body = format!(
        r#"{{"user_identities":{{"customer_id":"ada"}},"device_info":{{"platform":"{platform}"}},"events":{events}}}"#
    );

    let mapped = map(&body);

    let sent = mapped.events.len() as u64;
    assert!(mapped.call_bytes() < MAX_CALL_BYTES + 2 * platform.len());
    assert!(sent > 10, "{sent}");
    assert_eq!(
        mapped.more.rejected[&RejectReason::TooManyEvents],
        10_000 - sent
    );
}

#[test]
fn byte_order_marks_are_no_part_of_a_body() {
    for start in ["\u{feff}", "\u{feff}\u{feff}", " \n\u{feff} "] {
        let body = format!(r#"{start}{{"events":[{{"event_type":"session_start"}}]}}"#);
        assert_eq!(map(&body).events.len(), 1, "{start:?}");
        assert_eq!(map(&body).more.rejected_count(), 0);
    }
}
