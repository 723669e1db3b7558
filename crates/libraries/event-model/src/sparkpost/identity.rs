//! What makes an event without an id the event that it is.
//!
//! A relay that reads events and writes them again changes their bytes: the order of members, white space, escapes, the
//! spelling of numbers, ids as numbers or as text, times as epoch seconds or as ISO 8601. None of that is another event.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::event_time;
use super::object::for_each_member;
use super::reject_reason::{JsonKind, RejectReason};
use crate::Timestamp;

type Fingerprint = [u8; 32];

/// An object with more members is compared as it is written, so that sorting takes little memory whatever is sent. Real
/// events have fewer than a hundred.
const MAX_SORTED_MEMBERS: usize = 1_000;

/// Members that are times; all others are compared as they are.
const TIMES: [&str; 3] = ["timestamp", "injection_time", "scheduled_time"];

/// Tells the event with this type and payload, the JSON text of an object, from all others, however it is written.
///
/// A member that is null counts as absent, and of a repeated one the last counts, as `jsonb` has it. A whole number and a
/// string of its digits are the same: SparkPost's webhooks write ids as text, its Events API as numbers.
///
/// # Errors
/// When the payload is not an object that can be stored. How deep one is nested was checked before.
pub(super) fn identity_of(event_type: &str, payload: &str) -> Result<Fingerprint, RejectReason> {
    let mut hasher = hasher("event");
    add(&mut hasher, event_type.as_bytes());
    hasher.update(object(payload, true)?);
    Ok(hasher.finalize().into())
}

fn value(json: &str) -> Result<Fingerprint, RejectReason> {
    match JsonKind::of(json.as_bytes()) {
        JsonKind::Object => object(json, false),
        JsonKind::Array => list(json),
        JsonKind::String => Ok(text(&read::<String>(json)?)),
        JsonKind::Number => Ok(number(json)),
        JsonKind::Boolean | JsonKind::Null => Ok(scalar("word", json)),
    }
}

fn object(json: &str, is_event: bool) -> Result<Fingerprint, RejectReason> {
    let mut members: Vec<(Cow<'_, str>, Option<Fingerprint>)> = Vec::new();
    for_each_member(json, |name, member| {
        // The type is that which the event is stored under.
        if (is_event && name == "type") || members.len() > MAX_SORTED_MEMBERS {
            return Ok(());
        }
        let fingerprint = match JsonKind::of(member.as_bytes()) {
            JsonKind::Null => None,
            _ if is_event && TIMES.contains(&name.as_ref()) => Some(time(member)?),
            _ => Some(value(member)?),
        };
        members.push((name, fingerprint));
        Ok(())
    })?;
    if members.len() > MAX_SORTED_MEMBERS {
        return Ok(scalar("object as written", json));
    }
    // Stable, so that the last of a repeated name stays behind the others.
    members.sort_by(|one, other| one.0.cmp(&other.0));

    let mut hasher = hasher("object");
    for (place, (name, fingerprint)) in members.iter().enumerate() {
        let is_repeated = members.get(place + 1).is_some_and(|next| next.0 == *name);
        if !is_repeated && let Some(fingerprint) = fingerprint {
            add(&mut hasher, name.as_bytes());
            hasher.update(fingerprint);
        }
    }
    Ok(hasher.finalize().into())
}

fn list(json: &str) -> Result<Fingerprint, RejectReason> {
    let outcome = serde_json::Deserializer::from_str(json).deserialize_seq(Items);
    outcome.map_err(|error| unreadable(&error))?
}

/// Goes over the items of a list without holding them.
struct Items;

impl<'de> Visitor<'de> for Items {
    type Value = Result<Fingerprint, RejectReason>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut hasher = hasher("list");
        let mut problem = None;
        while let Some(item) = items.next_element::<&RawValue>()? {
            match value(item.get()) {
                Ok(fingerprint) => hasher.update(fingerprint),
                Err(reason) => problem = Some(reason),
            }
        }
        Ok(problem.map_or_else(|| Ok(hasher.finalize().into()), Err))
    }
}

/// To the second, as webhooks have it.
fn time(json: &str) -> Result<Fingerprint, RejectReason> {
    let sent = match JsonKind::of(json.as_bytes()) {
        JsonKind::String => Cow::Owned(read::<String>(json)?),
        JsonKind::Number => Cow::Borrowed(json),
        JsonKind::Object | JsonKind::Array | JsonKind::Boolean | JsonKind::Null => {
            return value(json);
        }
    };
    Ok(match event_time::instant(&sent) {
        Some(instant) => scalar("time", &Timestamp::to_second(instant).to_string()),
        None => text(&sent),
    })
}

fn text(text: &str) -> Fingerprint {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_whole_number = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !digits.starts_with('0'));
    if is_whole_number {
        number(text)
    } else {
        scalar("text", text)
    }
}

/// A JSON number by its digits and the power of ten of the last one, so that `1.50`, `15e-1` and `1.5` are the same. A
/// power that is too large to reckon with leaves the number as it is spelled.
fn number(json: &str) -> Fingerprint {
    let (sign, magnitude) = match json.strip_prefix('-') {
        Some(magnitude) => ("-", magnitude),
        None => ("", json),
    };
    let (mantissa, power) = magnitude.split_once(['e', 'E']).unwrap_or((magnitude, "0"));
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{decimals}");
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return scalar("number", "0");
    }
    let power = power.parse::<i64>().ok().and_then(|power| {
        let decimals = i64::try_from(decimals.len()).ok()?;
        let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
        power.checked_sub(decimals)?.checked_add(zeros)
    });
    match power {
        Some(power) => scalar("number", &format!("{sign}{significant}e{power}")),
        None => scalar("number", json),
    }
}

fn scalar(kind: &str, text: &str) -> Fingerprint {
    let mut hasher = hasher(kind);
    add(&mut hasher, text.as_bytes());
    hasher.finalize().into()
}

fn hasher(kind: &str) -> Sha256 {
    let mut hasher = Sha256::new();
    add(&mut hasher, kind.as_bytes());
    hasher
}

/// The length in front keeps neighbours apart.
fn add(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

fn read<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T, RejectReason> {
    serde_json::from_str(json).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> RejectReason {
    RejectReason::UnreadableItem {
        problem: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    fn identity(payload: &str) -> Fingerprint {
        identity_of("sms_status", payload).unwrap()
    }

    #[test]
    fn spelling_is_no_part_of_an_event() {
        let webhook = concat!(
            r#"{"type":"sms_status","timestamp":"1454442600","customer_id":"1","sms_text":"été","dr_latency":0.02,"#,
            r#""sms_segments":100,"injection_time":"2016-02-02T19:49:58+00:00","list":["a",{"b":1,"c":null}],"n":null}"#
        );
        for other in [
            concat!(
                r#"{ "list" : [ "a" , {"b":1.0} ], "sms_segments":1e2, "dr_latency": 2.00E-2, "#,
                "\n",
                r#""sms_text":"\u00e9t\u00E9","customer_id":1,"timestamp":1454442600,"#,
                r#""injection_time":"2016-02-02T20:49:58.500+01:00"}"#
            ),
            concat!(
                r#"{"sms_text":"other","timestamp":"2016-02-02T19:50:00.123Z","customer_id":1,"sms_text":"été","#,
                r#""dr_latency":0.020,"sms_segments":"100","injection_time":1454442598,"list":["a",{"c":null,"b":"1"}]}"#
            ),
        ] {
            assert_eq!(identity(webhook), identity(other), "{other}");
        }
    }

    #[test]
    fn everything_else_is() {
        let payloads = [
            r#"{"timestamp":"1454442600"}"#,
            r#"{"timestamp":"1454442601"}"#,
            r#"{"timestamp":"soon"}"#,
            r#"{"timestamp":"1454442600","a":"1.0"}"#,
            r#"{"timestamp":"1454442600","a":1}"#,
            r#"{"timestamp":"1454442600","a":"01"}"#,
            r#"{"timestamp":"1454442600","a":-1}"#,
            r#"{"timestamp":"1454442600","a":10}"#,
            r#"{"timestamp":"1454442600","a":0}"#,
            r#"{"timestamp":"1454442600","a":1e99999999999999999999}"#,
            r#"{"timestamp":"1454442600","a":true}"#,
            r#"{"timestamp":"1454442600","a":"true"}"#,
            r#"{"timestamp":"1454442600","a":""}"#,
            r#"{"timestamp":"1454442600","a":[]}"#,
            r#"{"timestamp":"1454442600","a":{}}"#,
            r#"{"timestamp":"1454442600","a":[[1],2]}"#,
            r#"{"timestamp":"1454442600","a":[1,[2]]}"#,
            r#"{"timestamp":"1454442600","a":[2,1]}"#,
            r#"{"timestamp":"1454442600","a":{"b":1}}"#,
            r#"{"timestamp":"1454442600","a":{"timestamp":"1454442600"}}"#,
            r#"{"timestamp":"1454442600","a":{"timestamp":"2016-02-02T19:50:00Z"}}"#,
            r#"{"timestamp":"1454442600","b":"a"}"#,
            r#"{"timestamp":"1454442600","a":"b"}"#,
        ];
        let distinct: std::collections::BTreeSet<_> = payloads.map(identity).into();

        assert_eq!(distinct.len(), payloads.len());
        assert_ne!(
            identity_of("open", payloads[0]).unwrap(),
            identity(payloads[0])
        );
    }

    #[test]
    fn object_with_more_members_than_are_sorted_is_compared_as_written() {
        let members = |count: usize, first: &str| {
            let rest = (0..count).map(|n| format!(r#","m{n}":{n}"#));
            format!("{{{first}{}}}", rest.collect::<String>())
        };
        let spelled = [r#""n":1.0"#, r#""n":1"#];

        let few = spelled.map(|first| identity(&members(MAX_SORTED_MEMBERS - 1, first)));
        let many = spelled.map(|first| identity(&members(MAX_SORTED_MEMBERS, first)));

        assert_eq!(few[0], few[1]);
        assert_ne!(many[0], many[1]);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9).prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-zé\"]{1,3}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// The same JSON with members the other way round, escapes for all letters and white space everywhere.
    fn respelled(value: &Value) -> String {
        let string = |text: &str| {
            let mut escaped = String::new();
            for unit in text.encode_utf16() {
                write!(escaped, "\\u{unit:04X}").unwrap();
            }
            format!("\"{escaped}\"")
        };
        match value {
            Value::Object(members) => {
                let members: Vec<_> = members
                    .iter()
                    .rev()
                    .map(|(name, member)| format!("{} : {}", string(name), respelled(member)))
                    .collect();
                format!("{{ {}\n}}", members.join(" ,\t"))
            }
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(respelled).collect();
                format!("[ {} ]", items.join(" , "))
            }
            Value::String(text) => string(text),
            Value::Number(number) if number.is_i64() && number.as_i64() != Some(0) => {
                format!("{number}0e-1")
            }
            other => other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn event_that_is_written_again_is_the_same(
            members in prop::collection::btree_map("[a-z_é]{1,8}", values(), 0..6),
        ) {
            let event = Value::Object(members.into_iter().collect::<Map<_, _>>());

            prop_assert_eq!(identity(&event.to_string()), identity(&respelled(&event)));
            let mut other = event.clone();
            other["one member more"] = json!(1);
            prop_assert_ne!(identity(&event.to_string()), identity(&other.to_string()));
        }
    }
}
