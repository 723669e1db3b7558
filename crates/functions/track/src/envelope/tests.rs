use super::*;

fn is_envelope(json: &str) -> bool {
    matches!(Kind::of(json), Ok(Kind::Envelope(_)))
}

#[test]
fn known_envelopes_are_told_from_events_and_from_what_only_looks_like_one() {
    for json in [
        r#"{"batch":[{"a":1}],"sentAt":"x","writeKey":"k"}"#,
        r#"{"api_key":"k","historical_migration":false,"batch":[ { } ]}"#,
        r#"{"client_id":"c","events":[{"name":"a"}]}"#,
        r#"{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":[{"e":"pv"}]}"#,
    ] {
        assert!(is_envelope(json), "{json}");
    }
    for json in [
        r#"{"event":"bake","batch":[{"a":1}]}"#,
        r#"{"batch":7}"#,
        r#"{"batch":[7]}"#,
        r#"{"events":[]}"#,
        r#"{"data":{"a":1}}"#,
        r#"{"userId":"u","items":[{"sku":1}]}"#,
    ] {
        assert!(matches!(Kind::of(json), Ok(Kind::Event)), "{json}");
    }
    for json in [
        r#"{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1"}]}"#,
        r#"{"data":[{"a":1}]}"#,
        r#"{"Records":[{"a":1}]}"#,
        // Each of the two lists has events.
        r#"{"batch":[{"event":"a"}],"batch":[{"event":"b"}]}"#,
        r#"{"batch":[7],"userId":"u","batch":[{"event":"b"}]}"#,
        r#"{"events":[{"name":"a"}],"events":7}"#,
    ] {
        assert!(matches!(Kind::of(json), Ok(Kind::Suspect)), "{json}");
    }
}

#[test]
fn an_envelope_says_what_its_events_do_not_and_never_its_key_or_its_id() {
    let json = r#"{"writeKey":"k","messageId":"m","timestamp":1,"context":{"a":
            1},"batch":[{}]}"#;
    let Ok(Kind::Envelope(envelope)) = Kind::of(json) else {
        panic!("an envelope");
    };
    let told = |event: &str| {
        let mut line = Vec::new();
        let mut object = JsonObject::begin(&mut line);
        envelope.shared.write_for(event, &mut object);
        String::from_utf8(line).unwrap()
    };

    assert_eq!(
        told(r#"{"x":1}"#),
        format!(
            r#"{{"batch_messageId":"m","timestamp":1,"context":{{"a":{}1}}"#,
            " ".repeat(13)
        )
    );
    assert_eq!(
        told(r#"{"Context":{},"originalTimestamp":2}"#),
        r#"{"batch_messageId":"m""#
    );
}

#[test]
fn an_envelope_that_says_too_much_is_refused() {
    let members: Vec<String> = (0..=MAX_SHARED).map(|n| format!(r#""m{n}":1"#)).collect();
    let members = members.join(",");

    assert!(Kind::of(&format!(r#"{{{members},"batch":[{{}}]}}"#)).is_err());
}

#[test]
fn names_come_from_what_each_kind_calls_one() {
    let named = |json: &'static str, event: &'static str| match Kind::of(json) {
        Ok(Kind::Envelope(envelope)) => envelope.shared.name_of(event).map(str::to_owned),
        other => panic!("{other:?}"),
    };

    let batch = r#"{"batch":[{}]}"#;
    assert_eq!(
        named(batch, r#"{"type":"page","name":"home"}"#).as_deref(),
        Some(r#""page""#)
    );
    assert_eq!(named(batch, r#"{"type":"track","event":"buy"}"#), None);
    assert_eq!(
        named(r#"{"events":[{}]}"#, r#"{"name":"purchase"}"#).as_deref(),
        Some(r#""purchase""#)
    );
    assert_eq!(named(r#"{"events":[{}]}"#, r#"{"name":7}"#), None);
    let call = Shared::of_call(r#""page""#);
    assert_eq!(call.name_of(r#"{"name":"home"}"#), Some(r#""page""#));
}
