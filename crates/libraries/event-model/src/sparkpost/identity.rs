//! The identity of an event without an id.
//!
//! A relay that parses and rewrites events changes their bytes: the order of members, white space, escapes, the
//! spelling of numbers, ids as numbers or as text, times as epoch seconds or as ISO 8601. None of that makes another
//! event.

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

/// The members of a larger object are compared in their order, so that sorting takes little memory. Real events have
/// fewer than a hundred.
const MAX_SORTED_MEMBERS: usize = 1_000;

/// Members that are times; all others are compared as values.
const TIMES: [&str; 3] = ["timestamp", "injection_time", "scheduled_time"];

/// Identifies the event with this type and payload, the JSON text of an object, in any spelling.
///
/// A null member counts as absent, and the last of a repeated member counts, as in `jsonb`. An integer and a string of
/// its digits are equal: SparkPost's webhooks write ids as text, its Events API as numbers.
///
/// # Errors
/// When the payload is not an object that can be stored. Its depth was checked before.
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
        // The type under which the event is stored.
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
    // Stable, so that the last of a repeated name stays the last.
    members.sort_by(|one, other| one.0.cmp(&other.0));

    let mut hasher = hasher("object");
    for (index, (name, fingerprint)) in members.iter().enumerate() {
        let is_repeated = members.get(index + 1).is_some_and(|next| next.0 == *name);
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

/// Visits the items of a list one by one.
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

/// To the second, as in webhooks.
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

/// A JSON number by its digits and the exponent of the last one, so that `1.50`, `15e-1` and `1.5` are equal. If the
/// exponent overflows, the number is compared as written.
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

/// The length prefix separates adjacent values.
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
mod tests;
