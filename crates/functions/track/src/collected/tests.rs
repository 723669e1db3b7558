use super::*;
use crate::body::events;

fn collected(body: &str) -> Result<Collected<'_>, BodyError> {
    events(body.as_bytes(), None)
}

#[test]
fn envelopes_may_stand_wherever_events_may() {
    let envelope = r#"{"batch":[{"event":"a"},{"event":"b"}]}"#;
    for (body, count) in [
        (envelope.to_owned(), 2),
        (format!("{envelope}\n{envelope}"), 4),
        (format!(r#"[{envelope},{{"event":"c"}}]"#), 3),
        // An envelope inside an envelope is part of an event.
        (format!(r#"{{"events":[{envelope}]}}"#), 1),
    ] {
        assert_eq!(collected(&body).unwrap().events.len(), count, "{body}");
    }
    let suspects = r#"{"logEvents":[{}]}{"userId":"u","items":[{}]}"#;
    assert_eq!(collected(suspects).unwrap().suspect_count, 1);
}

#[test]
fn what_is_wrong_in_an_envelope_is_named_with_its_place() {
    for (body, told) in [
        (
            r#"{"batch":[{"event":"a"},7]}"#,
            "event 2 of the list in line 1 is not a JSON object",
        ),
        (
            "{\"a\":1}\n{\"batch\":[{}]}",
            "event 1 of the list in line 2 is an object without keys",
        ),
        (
            r#"[{"batch":[{"a":1},[]]}]"#,
            "event 2 of the list in item 1 is not a JSON object",
        ),
    ] {
        assert_eq!(collected(body).unwrap_err().to_string(), told);
    }
}

#[test]
fn an_envelope_cannot_make_its_events_long_without_limit() {
    let body = |len: usize| {
        let events = vec![r#"{"a":1}"#; 10_000].join(",");
        format!(r#"{{"context":"{}","batch":[{events}]}}"#, "x".repeat(len))
    };

    assert!(collected(&body(900)).is_ok());
    assert!(matches!(
        collected(&body(1_100)),
        Err(BodyError::SharedTooLarge { .. })
    ));
    let many = format!(
        r#"{{"batch":[{}]}}"#,
        vec![r#"{"a":1}"#; MAX_EVENTS + 1].join(",")
    );
    assert!(matches!(collected(&many), Err(BodyError::TooManyEvents)));
}
