//! One event has one key and one time in every form.

use std::fmt::Write as _;

use event_model::sparkpost::parse_batch;
use event_model::{EventKey, Timestamp};
use proptest::prelude::*;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);

/// The identity of each event of the body in the store.
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

/// A text as JSON, its characters escaped where `escaped` says so.
fn json_text(text: &str, escaped: bool) -> String {
    let mut written = String::from("\"");
    for c in text.chars() {
        if escaped || c.is_control() || matches!(c, '"' | '\\') {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(written, "\\u{unit:04x}");
            }
        } else {
            written.push(c);
        }
    }
    written.push('"');
    written
}

/// An event as SparkPost has it, which senders write in different ways.
#[derive(Clone, Debug)]
struct Known {
    event_type: &'static str,
    id: Option<u64>,
    seconds: i64,
    customer: u32,
    texts: [String; 2],
    rate: u16,
}

/// The form of one sender.
#[derive(Clone, Debug)]
struct Spelling {
    /// Like the Events API: ids are numbers, times are ISO 8601.
    is_api: bool,
    millis: Option<u16>,
    offset_minutes: i16,
    escaped: bool,
    space: &'static str,
    order: [usize; 7],
}

impl Known {
    fn written(&self, how: &Spelling) -> String {
        let id = |number: u64| {
            if how.is_api {
                number.to_string()
            } else {
                format!("\"{number}\"")
            }
        };
        let time = if how.is_api {
            let at = OffsetDateTime::from_unix_timestamp(self.seconds).unwrap()
                + time::Duration::milliseconds(how.millis.unwrap_or_default().into());
            let offset = time::UtcOffset::from_whole_seconds(i32::from(how.offset_minutes) * 60);
            let text = at.to_offset(offset.unwrap()).format(&Rfc3339).unwrap();
            format!("\"{text}\"")
        } else {
            format!("\"{}\"", self.seconds)
        };
        let [subject, note] = self
            .texts
            .each_ref()
            .map(|text| json_text(text, how.escaped));
        let members = [
            ("type", format!("\"{}\"", self.event_type)),
            ("timestamp", time),
            ("event_id", self.id.map_or("null".to_owned(), id)),
            ("customer_id", id(self.customer.into())),
            ("subject", subject),
            ("rcpt_meta", format!("{{\"note\":{}{note}}}", how.space)),
            ("rate", format!("{}.50", self.rate)),
        ];
        let space = how.space;
        let members: Vec<_> = how
            .order
            .iter()
            .map(|index| &members[*index])
            .map(|(name, value)| {
                format!(
                    "{space}{}{space}:{space}{value}",
                    json_text(name, how.escaped)
                )
            })
            .collect();
        format!("{{\"message_event\"{space}:{{{}}}}}", members.join(","))
    }
}

prop_compose! {
    fn known()(
        event_type in prop::sample::select(vec!["bounce", "click", "sms_status", "a_new_type"]),
        id in prop::option::of(1_u64..),
        seconds in 1_262_304_000_i64..1_790_000_000,
        customer: u32,
        texts in ["\\PC{0,12}", "\\PC{0,12}"],
        rate: u16,
    ) -> Known {
        Known { event_type, id, seconds, customer, texts, rate }
    }
}

prop_compose! {
    fn spelling()(
        is_api: bool, millis in prop::option::of(0_u16..1_000), offset_minutes in -720_i16..=720, escaped: bool,
        space in prop::sample::select(vec!["", " ", "\n\t"]),
        order in Just([0, 1, 2, 3, 4, 5, 6]).prop_shuffle(),
    ) -> Spelling {
        Spelling { is_api, millis, offset_minutes, escaped, space, order }
    }
}

proptest! {
    /// With and without an id, by webhook and by the Events API, and rewritten by a relay.
    #[test]
    fn one_event_in_any_spelling_is_one_and_others_are_others(event in known(), one in spelling(), other in spelling()) {
        let sent = identity(&event.written(&one));

        prop_assert_eq!(identity(&event.written(&other)), sent);
        let later = Known { seconds: event.seconds + 1, ..event.clone() };
        prop_assert_ne!(identity(&later.written(&other)), sent);
        let of_another = Known { id: event.id.map(|id| id ^ 1), customer: event.customer ^ 1, ..event };
        prop_assert_ne!(identity(&of_another.written(&other)), sent);
    }
}
