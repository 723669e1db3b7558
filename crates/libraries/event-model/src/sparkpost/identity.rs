//! The identity of an event without an id.
//!
//! A relay that parses and rewrites events changes their bytes: the order of members, white space, escapes, the
//! spelling of numbers, ids as numbers or as text, times as epoch seconds or as ISO 8601. None of that makes another
//! event.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::event_time;
use super::reject_reason::RejectReason;
use crate::{
    Timestamp,
    json::{Cursor, Text},
};

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
/// When a text of the payload cannot be read. That it is an object, and how deep, was checked before.
pub(super) fn identity_of(event_type: &str, payload: &str) -> Result<Fingerprint, RejectReason> {
    let mut hasher = hasher("event");
    add(&mut hasher, event_type.as_bytes());
    hasher.update(object(&mut Cursor::of(payload), true)?);
    Ok(hasher.finalize().into())
}

/// The next value. A deep one is not read again at each level.
fn value(json: &mut Cursor<'_>) -> Result<Fingerprint, RejectReason> {
    match json.peek() {
        Some(b'{') => object(json, false),
        Some(b'[') => list(json),
        Some(b'"') => Ok(text(&read(json.take_value())?)),
        Some(b'-' | b'0'..=b'9') => Ok(number(json.take_value())),
        _ => Ok(scalar("word", json.take_value())),
    }
}

fn object(json: &mut Cursor<'_>, is_event: bool) -> Result<Fingerprint, RejectReason> {
    json.peek();
    let begin = json.clone();
    json.enter();
    let mut members: Vec<(Cow<'_, str>, Option<Fingerprint>)> = Vec::new();
    while let Some(name) = json.take_name() {
        let name = read(name)?;
        // The type under which the event is stored.
        if (is_event && name == "type") || members.len() > MAX_SORTED_MEMBERS {
            json.take_value();
            continue;
        }
        let fingerprint = match json.peek() {
            Some(b'n') => {
                json.take_value();
                None
            }
            _ if is_event && TIMES.contains(&name.as_ref()) => Some(time(json)?),
            _ => Some(value(json)?),
        };
        members.push((name, fingerprint));
    }
    if members.len() > MAX_SORTED_MEMBERS {
        return Ok(scalar("object as written", json.since(&begin)));
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

fn list(json: &mut Cursor<'_>) -> Result<Fingerprint, RejectReason> {
    json.enter();
    let mut hasher = hasher("list");
    while json.has_item() {
        hasher.update(value(json)?);
    }
    Ok(hasher.finalize().into())
}

/// To the second, as in webhooks.
fn time(json: &mut Cursor<'_>) -> Result<Fingerprint, RejectReason> {
    let sent = match json.peek() {
        Some(b'"') => read(json.take_value())?,
        Some(b'-' | b'0'..=b'9') => Cow::Borrowed(json.take_value()),
        _ => return value(json),
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

/// The text of a string.
fn read(string: &str) -> Result<Cow<'_, str>, RejectReason> {
    Text::of(string).map_err(|error| RejectReason::UnreadableItem {
        problem: error.to_string(),
    })
}

#[cfg(test)]
mod tests;
