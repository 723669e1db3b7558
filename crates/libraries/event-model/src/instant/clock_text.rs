//! The time of day and its zone.

use super::{DAY_MICROS, SECOND_MICROS};

const MINUTE_MICROS: i64 = 60 * SECOND_MICROS;

/// `HH:MM[:SS[.decimals]][zone]`, in microseconds of the UTC day: negative or beyond a day's end if the zone shifts it
/// there.
pub(super) fn time_of_day(text: &[u8]) -> Option<i64> {
    let (hour, minute, rest) = match text {
        [h1, h2, b':', m1, m2, rest @ ..] => (two_digits(*h1, *h2)?, two_digits(*m1, *m2)?, rest),
        _ => return None,
    };
    let (second, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (two_digits(*s1, *s2)?, rest),
        rest => (0, rest),
    };
    let (fraction, rest) = match rest {
        [b'.' | b',', decimals @ ..] => fraction(decimals)?,
        rest => (0, rest),
    };
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let time = ((hour * 60 + minute) * 60 + second) * SECOND_MICROS + fraction - offset(rest)?;
    // A leap second is the last of a UTC day (RFC 3339, section 5.7). Unix time has none: it is the next day's first.
    let is_leap_second = (time - fraction).rem_euclid(DAY_MICROS) == 0;
    (second < 60 || is_leap_second).then_some(time)
}

/// Microseconds from one or more decimals, and the remaining text.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (decimals, rest) = text.split_at(len);
    let micros = (0..6).fold(0, |micros, index| {
        let digit = decimals.get(index).map_or(0, |byte| byte - b'0');
        micros * 10 + i64::from(digit)
    });
    (len > 0).then_some((micros, rest))
}

/// A zone's offset from UTC in microseconds; no zone is UTC.
pub(super) fn offset(text: &[u8]) -> Option<i64> {
    match text {
        [] | [b'Z' | b'z'] => Some(0),
        [b' ', zone @ ..] => named_offset(zone),
        [b'Z' | b'z', name @ ..] => is_bracketed(name).then_some(0),
        [b'+' | b'-', ..] => numeric_offset(text),
        _ => utc(text),
    }
}

fn named_offset(zone: &[u8]) -> Option<i64> {
    match zone {
        [b'+' | b'-', ..] => numeric_offset(zone),
        [b'Z' | b'z'] => Some(0),
        _ => utc(zone),
    }
}

/// The unambiguous abbreviations. `GMT+0100` is JavaScript's form, an hour east.
fn utc(zone: &[u8]) -> Option<i64> {
    let word = zone.iter().take_while(|byte| byte.is_ascii_alphabetic());
    let (word, rest) = zone.split_at(word.count());
    let is_utc = [&b"UTC"[..], b"GMT", b"UT"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(word));
    match rest {
        [] if is_utc => Some(0),
        [b'+' | b'-', _, _, _, _] if word.eq_ignore_ascii_case(b"GMT") => numeric_offset(rest),
        _ => None,
    }
}

/// `±HH:MM`, `±HHMM` or `±HH`, optionally followed by a name.
fn numeric_offset(text: &[u8]) -> Option<i64> {
    let digits = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b':');
    let (number, name) = text.split_at(text.iter().take_while(digits).count());
    let (sign, hour, minute) = match number {
        [sign, h1, h2] => (sign, two_digits(*h1, *h2)?, 0),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => {
            (sign, two_digits(*h1, *h2)?, two_digits(*m1, *m2)?)
        }
        _ => return None,
    };
    // The largest offsets in use are below 15 hours.
    let size = (hour <= 18 && minute <= 59).then_some((hour * 60 + minute) * MINUTE_MICROS)?;
    let offset = match sign {
        b'+' => size,
        b'-' => -size,
        _ => return None,
    };
    is_name_of(name, offset).then_some(offset)
}

/// Whether the text after an offset only names it: ` CEST`, ` +03`, `[Europe/Berlin]`, and Go's ` m=+0.001`.
fn is_name_of(name: &[u8], offset: i64) -> bool {
    if name.is_empty() || is_bracketed(name) {
        return true;
    }
    let Ok(name) = std::str::from_utf8(name) else {
        return false;
    };
    let Some(name) = name.strip_prefix(' ') else {
        return false;
    };
    let name = name.split_once(" m=").map_or(name, |(name, _)| name);
    let is_utc = ["UTC", "GMT", "UT"].contains(&name);
    let of_a_name =
        |byte: u8| byte.is_ascii_alphabetic() || byte.is_ascii_digit() || b"+-".contains(&byte);
    (1..=6).contains(&name.len()) && name.bytes().all(of_a_name) && (!is_utc || offset == 0)
}

fn is_bracketed(name: &[u8]) -> bool {
    matches!(name, [b'[', name @ .., b']'] if !name.is_empty() && !name.contains(&b']'))
}

pub(super) fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}
