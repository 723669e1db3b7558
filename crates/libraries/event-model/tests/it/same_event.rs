//! One event, by whichever way it comes, has one key and one time.

use event_model::sparkpost::parse_batch;
use event_model::{EventKey, Timestamp};
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);

/// What the store knows an event by, of each in the body.
fn identities(body: &str) -> Vec<(Timestamp, EventKey)> {
    let batch = parse_batch(body.as_bytes(), NOW);
    assert_eq!(batch.rejected, [], "{body}");
    let events = batch.events.iter();
    events.map(|event| (event.timestamp, event.key)).collect()
}

fn identity(event: &str) -> (Timestamp, EventKey) {
    let identities = identities(&format!(r#"[{{"msys":{event}}}]"#));
    assert_eq!(identities.len(), 1);
    identities[0]
}

#[test]
fn event_of_the_events_api_is_that_of_the_webhook() {
    let webhook = r#"{"message_event":{"type":"bounce","event_id":"92356927693813856","timestamp":"1454442600"}}"#;
    for other in [
        r#"{"message_event":{"timestamp":"2016-02-02T19:50:00.000Z","event_id":"92356927693813856","type":"bounce"}}"#,
        r#"{"message_event":{"timestamp":"2016-02-02T19:50:00.987Z","event_id":"92356927693813856","type":"bounce"}}"#,
        r#"{"message_event":{"timestamp":"2016-02-02T21:50:00+02:00","event_id":"92356927693813856","type":"bounce"}}"#,
        r#"{"message_event":{"timestamp":1454442600.5,"event_id":92356927693813856,"type":"bounce","sending_domain":"x"}}"#,
    ] {
        assert_eq!(identity(other), identity(webhook), "{other}");
    }
    for other in [
        webhook.replace("1454442600", "1454442601"),
        webhook.replace("bounce", "click"),
        webhook.replace("3856", "3857"),
    ] {
        assert_ne!(identity(&other), identity(webhook), "{other}");
    }
}

#[test]
fn event_without_an_id_that_a_relay_has_rewritten_is_the_same() {
    let sent = r#"{"message_event":{"type":"sms_status","timestamp":"1454442600","customer_id":"1","sms_text":"é/","n":1.5}}"#;
    for other in [
        r#"{"message_event" : {"n":15e-1,"sms_text":"\u00e9\/","customer_id":1,"timestamp":1454442600,"type":"sms_status"}}"#,
        r#"{"message_event":{"type":"sms_status","event_id":null,"timestamp":"2016-02-02T19:50:00.25Z","customer_id":"1","sms_text":"é/","n":1.50}}"#,
    ] {
        assert_eq!(identity(other), identity(sent), "{other}");
    }
    assert_ne!(identity(&sent.replace("é/", "É/")), identity(sent));
}

#[test]
fn equal_events_of_one_batch_stay_two_however_they_are_written() {
    let body = concat!(
        r#"[{"msys":{"message_event":{"type":"sms_status","timestamp":"1454442600"}}},"#,
        r#"{"msys":{"message_event":{"timestamp":1454442600,"type":"sms_status"}}}]"#
    );

    let both = identities(body);

    assert_ne!(both[0], both[1]);
    assert_eq!(both, identities(&body.replace(':', " : ")));
}
