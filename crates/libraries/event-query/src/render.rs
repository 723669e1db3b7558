//! Renders one stored event in the form of SparkPost's APIs.
//!
//! Webhooks write ids as strings and times as epoch seconds, the Events API as integers and as ISO 8601
//! (<https://support.sparkpost.com/docs/tech-resources/events-api-integration>, "Changes to Response Data"). All other
//! members are copied unparsed, so that numbers keep every digit.

use std::borrow::Cow;

use event_model::json::{JsonObject, Text, for_each_member};
use event_model::{Timestamp, sparkpost::domain_of};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::dialect::Dialect;
use crate::instant;
use crate::zone::Zone;

/// A stored event is not a JSON object. The loader stores only objects.
#[derive(Debug, Error)]
#[error("reading a stored event")]
pub struct RenderError(#[from] serde_json::Error);

/// The format of a rendered event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventStyle {
    pub(crate) dialect: Dialect,
    /// The zone of `timestamp` in the older API. The newer one answers in UTC.
    pub(crate) zone: Zone,
}

/// Appends the event to `out` as one JSON object. `ts` is its stored time.
pub(crate) fn write_event(
    out: &mut Vec<u8>,
    EventStyle { dialect, zone }: &EventStyle,
    ts: Timestamp,
    stored: &str,
) -> Result<(), RenderError> {
    let dialect = *dialect;
    let stored = Members::read(stored)?;
    let ts = finer(ts, stored.find("timestamp"));
    let mut object = JsonObject::begin(out);

    for (name, value) in &stored.0 {
        match (name.as_ref(), dialect) {
            ("timestamp", Dialect::Events) => object.text(name, &instant::to_millis(ts)),
            ("timestamp", Dialect::MessageEvents) => {
                object.text(name, &instant::to_millis_with_offset(ts, zone));
                object.text("tdate", &instant::to_millis(ts));
            }
            // Written together with the timestamp.
            ("tdate", Dialect::MessageEvents) => {}
            ("injection_time" | "scheduled_time", _) => match read_time(value) {
                Some(time) => object.text(name, &instant::to_millis(time)),
                None => object.json(name, value.get()),
            },
            ("customer_id" | "subaccount_id", Dialect::Events) => {
                object.json(name, to_integer(value));
            }
            ("customer_id" | "subaccount_id", Dialect::MessageEvents) => {
                object.json(name, &quoted_number(value));
            }
            ("geo_ip", Dialect::MessageEvents) => object.json(name, &with_quoted_numbers(value)),
            ("rcpt_meta", Dialect::MessageEvents) => object.json(name, &with_numbered_lists(value)),
            _ => object.json(name, value.get()),
        }
    }
    for (name, source) in [
        ("recipient_domain", "rcpt_to"),
        ("sending_domain", "friendly_from"),
    ] {
        if stored.find(name).is_none()
            && let Some(address) = stored.find(source).and_then(text_of)
            && let Some(domain) = domain_of(&address)
        {
            object.text(name, &domain);
        }
    }
    object.end();
    Ok(())
}

/// The time that the event was sent with, if it is within the second of the stored time: the store keeps whole seconds,
/// so that an event has one key in every format.
fn finer(ts: Timestamp, sent: Option<&RawValue>) -> Timestamp {
    if ts != ts.to_second() {
        // From before that.
        return ts;
    }
    sent.and_then(read_time)
        .filter(|sent| sent.to_second() == ts)
        .unwrap_or(ts)
}

/// Epoch seconds, also with decimals, or ISO 8601, as a string or a number.
fn read_time(value: &RawValue) -> Option<Timestamp> {
    let text = text_of(value).unwrap_or(Cow::Borrowed(value.get()));
    let (seconds, decimals) = text.split_once('.').unwrap_or((&text, ""));
    match seconds.parse::<i64>() {
        Ok(seconds) if decimals.bytes().all(|byte| byte.is_ascii_digit()) => {
            let micros = decimals.bytes().chain(std::iter::repeat(b'0')).take(6);
            let micros = micros.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0'));
            let whole = Timestamp::from_unix_seconds(seconds)?;
            Timestamp::from_unix_micros(whole.unix_micros().checked_add(micros)?)
        }
        Ok(_) | Err(_) => instant::parse(&text, &Zone::UTC),
    }
}

/// The digits inside a string, or the value unchanged if they would not be a JSON integer (no digits, a leading zero).
fn to_integer(value: &RawValue) -> &str {
    let inner = value.get().trim_matches('"');
    let has_digits_only = !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_digit());
    let is_integer = has_digits_only && (inner == "0" || !inner.starts_with('0'));

    if is_integer { inner } else { value.get() }
}

/// A number as a string of its digits; other values are unchanged.
fn quoted_number(value: &RawValue) -> Cow<'_, str> {
    let json = value.get();
    if json.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        Cow::Owned(format!("\"{json}\""))
    } else {
        Cow::Borrowed(json)
    }
}

/// An object whose numbers are replaced by strings.
fn with_quoted_numbers(value: &RawValue) -> Cow<'_, str> {
    let Ok(Members(members)) = Members::read(value.get()) else {
        return Cow::Borrowed(value.get());
    };
    let mut object = JsonObject::begin(Vec::with_capacity(value.get().len() + 16));
    for (name, value) in &members {
        object.json(name, &quoted_number(value));
    }
    Cow::Owned(object.finish())
}

/// A value whose lists, at any depth, are replaced by objects with indexes as names.
fn with_numbered_lists(value: &RawValue) -> Cow<'_, str> {
    let json = value.get();
    let members = if json.starts_with('[') {
        serde_json::from_str::<Vec<&RawValue>>(json).map(|items| {
            let indexes = (0..).map(|index: u32| Cow::Owned(index.to_string()));
            Members(indexes.zip(items).collect())
        })
    } else {
        Members::read(json)
    };
    let Ok(Members(members)) = members else {
        return Cow::Borrowed(json);
    };
    let mut object = JsonObject::begin(Vec::with_capacity(json.len()));
    for (name, value) in &members {
        object.json(name, &with_numbered_lists(value));
    }
    Cow::Owned(object.finish())
}

fn text_of(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(value.get())
        .ok()
        .map(|Text(text)| text)
}

/// The members of a JSON object in their order, values unparsed.
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    pub(crate) fn read(object: &'a str) -> Result<Self, serde_json::Error> {
        let mut members = Vec::with_capacity(48);
        for_each_member(object, |Text(name), value| members.push((name, value)))?;
        Ok(Self(members))
    }

    /// The first member of that name.
    pub(crate) fn find(&self, wanted: &str) -> Option<&'a RawValue> {
        let Self(members) = self;
        members
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(stored: &str) -> String {
        render_in(Dialect::Events, stored)
    }

    fn render_in(dialect: Dialect, stored: &str) -> String {
        let ts = Timestamp::from_unix_micros(1_460_989_507_123_456).unwrap();
        let mut out = Vec::new();
        let zone = Zone::UTC;
        write_event(&mut out, &EventStyle { dialect, zone }, ts, stored).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_and_ids_take_the_forms_of_the_events_api() {
        let stored = r#"{"type": "delivery", "timestamp": "1460989507", "customer_id": "1", "subaccount_id": "101",
            "injection_time": "2016-04-18T14:25:07+00:00", "scheduled_time": "1460989500", "msg_size": "1337"}"#;

        assert_eq!(
            render(stored),
            concat!(
                r#"{"type":"delivery","timestamp":"2016-04-18T14:25:07.123Z","customer_id":1,"subaccount_id":101,"#,
                r#""injection_time":"2016-04-18T14:25:07.000Z","scheduled_time":"2016-04-18T14:25:00.000Z","#,
                r#""msg_size":"1337"}"#
            )
        );
    }

    #[test]
    fn time_is_as_fine_as_it_was_sent_and_of_the_second_it_is_stored_under() {
        for (sent, shown) in [
            (r#""1460989507""#, "07.000Z"),
            ("1460989507.25", "07.250Z"),
            (r#""2016-04-18T16:25:07.123+02:00""#, "07.123Z"),
            (r#""2016-04-18T16:25:08Z""#, "07.000Z"),
            (r#""soon""#, "07.000Z"),
            ("null", "07.000Z"),
        ] {
            let zone = Zone::UTC;
            let style = EventStyle {
                dialect: Dialect::Events,
                zone,
            };
            let ts = Timestamp::from_unix_seconds(1_460_989_507).unwrap();
            let mut out = Vec::new();
            write_event(&mut out, &style, ts, &format!(r#"{{"timestamp":{sent}}}"#)).unwrap();
            assert_eq!(
                String::from_utf8(out).unwrap(),
                format!(r#"{{"timestamp":"2016-04-18T14:25:{shown}"}}"#),
                "{sent}"
            );
        }
    }

    #[test]
    fn what_is_not_of_the_expected_kind_stays_as_it_is_stored() {
        let stored = concat!(
            r#"{"injection_time":"soon","scheduled_time":null,"customer_id":"acme","subaccount_id":"007","#,
            r#""geo_ip":{"latitude": 7.40500, "zip": 1E+2},"big":123456789012345678901234567890,"a\"\u00e9":"\u2028"}"#
        );

        assert_eq!(render(stored), stored.replace("\\u00e9", "é"));
    }

    #[test]
    fn ids_that_are_numbers_already_stay() {
        assert_eq!(
            render(r#"{"customer_id":42,"subaccount_id":0}"#),
            r#"{"customer_id":42,"subaccount_id":0}"#
        );
        assert_eq!(
            render(r#"{"customer_id":"0","subaccount_id":""}"#),
            r#"{"customer_id":0,"subaccount_id":""}"#
        );
        assert_eq!(
            render(r#"{"customer_id":"9999999999999999999999"}"#),
            r#"{"customer_id":9999999999999999999999}"#
        );
    }

    #[test]
    fn domains_are_computed_when_the_payload_lacks_them() {
        let lacking =
            r#"{"rcpt_to":"a@x.org","friendly_from":"\"Sales \u263a\" <news@Mail.Example.com>"}"#;
        let present = r#"{"rcpt_to":"a@x.org","recipient_domain":"y.org","sending_domain":null,"friendly_from":"b@c.d"}"#;

        assert_eq!(
            render(lacking),
            lacking.replace(
                '}',
                r#","recipient_domain":"x.org","sending_domain":"mail.example.com"}"#
            )
        );
        assert_eq!(render(present), present);
        assert_eq!(
            render(r#"{"rcpt_to":7,"friendly_from":"nobody"}"#),
            r#"{"rcpt_to":7,"friendly_from":"nobody"}"#
        );
    }

    #[test]
    fn older_api_has_strings_for_numbers_and_objects_for_lists() {
        let stored = concat!(
            r#"{"timestamp":"1460989507","customer_id":42,"subaccount_id":"7","tdate":"x","amp_enabled":true,"#,
            r#""geo_ip":{"latitude": 39.17490,"longitude":-76.8375,"city":"Columbia"},"msg_size":"1337","#,
            r#""rcpt_meta":{"list":["a",{"b":2}],"text":"7"},"rcpt_tags":["x"],"scheduled_time":"1460989507"}"#
        );

        assert_eq!(
            render_in(Dialect::MessageEvents, stored),
            concat!(
                r#"{"timestamp":"2016-04-18T14:25:07.123+00:00","tdate":"2016-04-18T14:25:07.123Z","#,
                r#""customer_id":"42","subaccount_id":"7","amp_enabled":true,"#,
                r#""geo_ip":{"latitude":"39.17490","longitude":"-76.8375","city":"Columbia"},"msg_size":"1337","#,
                r#""rcpt_meta":{"list":{"0":"a","1":{"b":2}},"text":"7"},"rcpt_tags":["x"],"#,
                r#""scheduled_time":"2016-04-18T14:25:07.000Z"}"#
            )
        );
        assert_eq!(
            render_in(Dialect::MessageEvents, r#"{"rcpt_meta":[]}"#),
            r#"{"rcpt_meta":{}}"#
        );
    }

    #[test]
    fn empty_object_and_no_object() {
        assert_eq!(render("{}"), "{}");
        let style = EventStyle {
            dialect: Dialect::Events,
            zone: Zone::UTC,
        };
        assert!(write_event(&mut Vec::new(), &style, Timestamp::MIN, "[1]").is_err());
    }

    proptest::proptest! {
        #[test]
        fn answer_is_json_and_loses_no_member(
            members in proptest::collection::btree_map("\\PC{0,8}", "\\PC{0,12}", 0..8),
        ) {
            let stored = serde_json::to_string(&members).unwrap();

            let rendered: std::collections::BTreeMap<String, serde_json::Value> =
                serde_json::from_str(&render(&stored)).unwrap();

            proptest::prop_assert!(members.keys().all(|name| rendered.contains_key(name)));
        }
    }
}
