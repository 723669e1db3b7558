//! The results for a body are bounded, and every item is still counted.

use event_model::sparkpost::{
    Batch, MAX_DECODED_BYTES, MAX_EVENT_BYTES, MAX_REJECTED_ITEMS, parse_batch,
};
use time::{OffsetDateTime, macros::datetime};

const NOW: OffsetDateTime = datetime!(2026-01-02 00:00 UTC);
const NOW_S: usize = 1_767_312_000;

fn list(item: &str, count: usize) -> String {
    format!("[{}]", vec![item; count].join(","))
}

fn code(batch: &Batch<'_>, index: usize) -> &'static str {
    batch.rejected[index].reason.code()
}

#[test]
fn items_after_the_first_thousand_are_one_rejection_that_counts_them() {
    for (item, code_of_all) in [
        ("1", "item_not_an_object"),
        ("{}", "missing_msys"),
        ("[[]]", "item_not_an_object"),
        (r#"{"msys":7}"#, "msys_not_an_object"),
        (r#"{"msys":{"a":{}}}"#, "missing_timestamp"),
    ] {
        let count = MAX_REJECTED_ITEMS + 500;

        let body = list(item, count);
        let batch = parse_batch(body.as_bytes(), NOW);

        assert_eq!(batch.received(), count, "{item}");
        assert_eq!(batch.rejected.len(), MAX_REJECTED_ITEMS + 1);
        assert_eq!(code(&batch, 0), code_of_all);
        let more = &batch.rejected[MAX_REJECTED_ITEMS];
        assert_eq!(
            (more.count(), more.ordinal as usize),
            (500, MAX_REJECTED_ITEMS)
        );
        assert_eq!(
            more.reason.to_string(),
            format!(
                "500 more items, from this one up to item 1499, cannot be used either (500 {code_of_all}). They are kept in the archived object"
            )
        );
    }
}

#[test]
fn good_events_among_junk_are_taken_wherever_they_are() {
    let event = format!(r#"{{"msys":{{"m":{{"timestamp":"{NOW_S}","event_id":"1"}}}}}}"#);
    let junk = vec!["0"; 5_000].join(",");

    let body = format!("[{junk},{event},{junk}]");
    let batch = parse_batch(body.as_bytes(), NOW);

    assert_eq!((batch.events.len(), batch.received()), (1, 10_001));
}

#[test]
fn body_that_breaks_off_after_many_rejections_is_counted() {
    let body = format!("[{},{{", vec!["0"; 3_000].join(","));

    let batch = parse_batch(body.as_bytes(), NOW);

    assert_eq!(batch.received(), 3_001);
    assert!(
        batch.rejected[MAX_REJECTED_ITEMS]
            .reason
            .to_string()
            .contains("(2000 item_not_an_object, 1 truncated)"),
        "{}",
        batch.rejected[MAX_REJECTED_ITEMS].reason
    );
}

#[test]
fn events_beyond_the_memory_that_they_may_take_are_counted() {
    let events: Vec<String> = (0..700_000)
        .map(|n| format!(r#"{{"msys":{{"m":{{"timestamp":"{}"}}}}}}"#, NOW_S - n))
        .collect();
    let body = format!("[{}]", events.join(","));

    let batch = parse_batch(body.as_bytes(), NOW);

    assert_eq!(batch.received(), events.len());
    let taken = batch.events.len() * size_of_val(&batch.events[0]);
    assert!(
        taken <= MAX_DECODED_BYTES && taken > MAX_DECODED_BYTES / 2,
        "{taken}"
    );
    assert_eq!(code(&batch, 0), "batch_too_large");
}

#[test]
fn event_is_too_long_before_it_is_repaired() {
    let event = |length: usize| {
        let text = "\\u0000".repeat(length / 6);
        format!(r#"[{{"msys":{{"m":{{"timestamp":"{NOW_S}","event_id":"1","x":"{text}"}}}}}}]"#)
    };
    let (fits, does_not) = (event(MAX_EVENT_BYTES - 100), event(MAX_EVENT_BYTES));

    assert_eq!(parse_batch(fits.as_bytes(), NOW).events.len(), 1);
    let batch = parse_batch(does_not.as_bytes(), NOW);
    assert!(
        batch.rejected[0]
            .reason
            .to_string()
            .starts_with("`event` is 41"),
        "{}",
        batch.rejected[0].reason
    );
}

#[test]
fn body_in_another_form_is_one_rejection_that_names_it() {
    for (body, form) in [
        (&b"\x1f\x8b\x08\0\0\0\0\0"[..], "gzip"),
        (b"\x28\xb5\x2f\xfd\x20\xf0", "zstd"),
        (b"PK\x03\x04\x14", "zip"),
        (b"\xff\xfe[\0{\0", "UTF-16"),
        (b"[\0{\0\"\0", "UTF-16"),
    ] {
        let batch = parse_batch(body, NOW);

        assert_eq!((batch.received(), code(&batch, 0)), (1, "encoded"));
        let reason = batch.rejected[0].reason.to_string();
        assert!(
            reason.starts_with(&format!("the body is {form}, not JSON")),
            "{reason}"
        );
        assert_eq!(batch.rejected[0].raw, body);
    }
}

#[test]
fn byte_order_marks_are_no_part_of_a_body() {
    for start in ["\u{feff}", "\u{feff}\u{feff}", " \n\u{feff} "] {
        let body = format!(r#"{start}[{{"msys":{{"m":{{"timestamp":"{NOW_S}"}}}}}}]"#);
        assert_eq!(
            parse_batch(body.as_bytes(), NOW).events.len(),
            1,
            "{start:?}"
        );
    }
}
